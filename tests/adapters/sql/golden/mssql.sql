-- all
SELECT [nr] AS [nr], CAST([name] AS nvarchar(max)) AS [name], CONVERT(varchar(27), CAST([zeit] AS datetime2(6)), 126) AS [zeit] FROM [amt].[Fälle] h;
-- equal texts
SELECT [nr] AS [nr], CAST([name] AS nvarchar(max)) AS [name] FROM (SELECT * FROM [amt].[Fälle] WHERE [name] IN (N'O''Brien', N'Köln')) h;
-- an empty text, a long one
SELECT [nr] AS [nr], CAST([name] AS nvarchar(max)) AS [name] FROM [amt].[Fälle] h;
-- a fixed length
SELECT [nr] AS [nr], RTRIM(CAST([fest] AS nvarchar(max))) AS [fest] FROM (SELECT * FROM [amt].[Fälle] WHERE [fest] IN (N'ab')) h;
-- a national text
SELECT [nr] AS [nr], RTRIM(CAST([national] AS nvarchar(max))) AS [national] FROM (SELECT * FROM [amt].[Fälle] WHERE [national] IN (N'łódź')) h;
-- a large text
SELECT [nr] AS [nr], CAST([lang] AS nvarchar(max)) AS [lang] FROM [amt].[Fälle] h;
-- numbers
SELECT [nr] AS [nr], CAST([betrag] AS float(53)) AS [betrag] FROM (SELECT * FROM [amt].[Fälle] WHERE [betrag] >= -1 AND [nr] >= 6 AND [nr] <= 8) h;
-- a binary fraction
SELECT [nr] AS [nr], CAST([mess] AS float(53)) AS [mess] FROM [amt].[Fälle] h;
-- since a moment
SELECT [nr] AS [nr], CONVERT(varchar(27), CAST([genau] AS datetime2(6)), 126) AS [genau] FROM (SELECT * FROM [amt].[Fälle] WHERE [genau] >= CONVERT(datetime2(6), '2026-03-27T01:00:00', 126)) h;
-- a moment with a zone
SELECT [nr] AS [nr], CONVERT(varchar(27), CAST(SWITCHOFFSET([zone], '+00:00') AS datetime2(6)), 126) AS [zone] FROM (SELECT * FROM [amt].[Fälle] WHERE [zone] >= TODATETIMEOFFSET(CONVERT(datetime2(6), '2026-03-27T01:00:00', 126), '+00:00') AND [zone] <= TODATETIMEOFFSET(CONVERT(datetime2(6), '2026-03-31T01:00:00', 126), '+00:00')) h;
-- what is not certain
SELECT [nr] AS [nr], CAST([name] AS nvarchar(max)) AS [name] FROM [amt].[Fälle] h;
-- text by order
SELECT [nr] AS [nr], CAST([name] AS nvarchar(max)) AS [name] FROM [amt].[Fälle] h;
-- first page
SELECT [nr] AS [nr], CAST([name] AS nvarchar(max)) AS [name] FROM [amt].[Fälle] h ORDER BY h.[nr] OFFSET 0 ROWS FETCH NEXT 10 ROWS ONLY;
-- a later page
SELECT [nr] AS [nr], CAST([name] AS nvarchar(max)) AS [name] FROM [amt].[Fälle] h ORDER BY h.[nr] OFFSET 0 ROWS FETCH NEXT 100 ROWS ONLY;
-- a page of some
SELECT [nr] AS [nr] FROM (SELECT * FROM [amt].[Fälle] WHERE [nr] <= 101) h ORDER BY h.[nr];
-- a page in an order
SELECT [nr] AS [nr], CAST([name] AS nvarchar(max)) AS [name] FROM [amt].[Fälle] h ORDER BY h.[nr];
-- rows of a grant
SELECT [nr] AS [nr], CAST([name] AS nvarchar(max)) AS [name] FROM (SELECT * FROM [amt].[Fälle] WHERE [name] IN (N'a') AND [nr] >= 4 AND [nr] <= 6) h;
-- minimum groups: the asker's filter comes after them
SELECT CAST([name] AS nvarchar(max)) AS [name] FROM [amt].[Fälle] h;
-- a rounded field is not narrowed by
SELECT [nr] AS [nr] FROM [amt].[Fälle] h;
-- int as string
SELECT CAST([nr] AS nvarchar(max)) FROM t;
-- int as integer
SELECT [nr] FROM t;
-- int as number
SELECT CAST([nr] AS float(53)) FROM t;
-- int as boolean
SELECT CASE WHEN [nr] = 1 THEN 1 WHEN [nr] = 0 THEN 0 END FROM t;
-- bigint as string
SELECT CAST([gross] AS nvarchar(max)) FROM t;
-- bigint as integer
SELECT [gross] FROM t;
-- bigint as number
SELECT CAST([gross] AS float(53)) FROM t;
-- bigint as boolean
SELECT CASE WHEN [gross] = 1 THEN 1 WHEN [gross] = 0 THEN 0 END FROM t;
-- decimal(10,2) as string
SELECT CAST([betrag] AS nvarchar(max)) FROM t;
-- decimal(10,2) as integer
SELECT CASE WHEN [betrag] = FLOOR([betrag]) AND ABS([betrag]) < 9223372036854774784 THEN CAST([betrag] AS bigint) END FROM t;
-- decimal(10,2) as number
SELECT CAST([betrag] AS float(53)) FROM t;
-- decimal(10,2) as boolean
SELECT CASE WHEN [betrag] = 1 THEN 1 WHEN [betrag] = 0 THEN 0 END FROM t;
-- money as string
SELECT CAST([geld] AS nvarchar(max)) FROM t;
-- money as integer
SELECT CASE WHEN [geld] = FLOOR([geld]) AND ABS([geld]) < 9223372036854774784 THEN CAST([geld] AS bigint) END FROM t;
-- money as number
SELECT CAST([geld] AS float(53)) FROM t;
-- money as boolean
SELECT CASE WHEN [geld] = 1 THEN 1 WHEN [geld] = 0 THEN 0 END FROM t;
-- float as string
SELECT CONVERT(nvarchar(40), CAST([mess] AS float(53)), 3) FROM t;
-- float as integer
SELECT CASE WHEN [mess] = FLOOR([mess]) AND ABS([mess]) < 9223372036854774784 THEN CAST([mess] AS bigint) END FROM t;
-- float as number
SELECT CAST([mess] AS float(53)) FROM t;
-- real as string
SELECT CONVERT(nvarchar(40), CAST([kurz] AS float(53)), 3) FROM t;
-- real as integer
SELECT CASE WHEN [kurz] = FLOOR([kurz]) AND ABS([kurz]) < 9223372036854774784 THEN CAST([kurz] AS bigint) END FROM t;
-- real as number
SELECT CAST([kurz] AS float(53)) FROM t;
-- bit as string
SELECT CAST([offen] AS nvarchar(max)) FROM t;
-- bit as integer
SELECT CAST([offen] AS tinyint) FROM t;
-- bit as boolean
SELECT CAST([offen] AS tinyint) FROM t;
-- char(5) as string
SELECT RTRIM(CAST([fest] AS nvarchar(max))) FROM t;
-- char(5) as integer
SELECT CAST([fest] AS nvarchar(max)) FROM t;
-- char(5) as number
SELECT CAST([fest] AS nvarchar(max)) FROM t;
-- char(5) as boolean
SELECT CASE WHEN LOWER(LTRIM(RTRIM(CAST([fest] AS nvarchar(max))))) COLLATE Latin1_General_BIN2 IN (N't', N'true', N'1', N'ja', N'j', N'y', N'yes') THEN 1 WHEN LOWER(LTRIM(RTRIM(CAST([fest] AS nvarchar(max))))) COLLATE Latin1_General_BIN2 IN (N'f', N'false', N'0', N'nein', N'n', N'no') THEN 0 END FROM t;
-- nvarchar(80) as string
SELECT CAST([name] AS nvarchar(max)) FROM t;
-- nvarchar(80) as integer
SELECT CAST([name] AS nvarchar(max)) FROM t;
-- nvarchar(80) as number
SELECT CAST([name] AS nvarchar(max)) FROM t;
-- nvarchar(80) as boolean
SELECT CASE WHEN LOWER(LTRIM(RTRIM(CAST([name] AS nvarchar(max))))) COLLATE Latin1_General_BIN2 IN (N't', N'true', N'1', N'ja', N'j', N'y', N'yes') THEN 1 WHEN LOWER(LTRIM(RTRIM(CAST([name] AS nvarchar(max))))) COLLATE Latin1_General_BIN2 IN (N'f', N'false', N'0', N'nein', N'n', N'no') THEN 0 END FROM t;
-- nchar(5) as string
SELECT RTRIM(CAST([national] AS nvarchar(max))) FROM t;
-- nchar(5) as integer
SELECT CAST([national] AS nvarchar(max)) FROM t;
-- nchar(5) as number
SELECT CAST([national] AS nvarchar(max)) FROM t;
-- nchar(5) as boolean
SELECT CASE WHEN LOWER(LTRIM(RTRIM(CAST([national] AS nvarchar(max))))) COLLATE Latin1_General_BIN2 IN (N't', N'true', N'1', N'ja', N'j', N'y', N'yes') THEN 1 WHEN LOWER(LTRIM(RTRIM(CAST([national] AS nvarchar(max))))) COLLATE Latin1_General_BIN2 IN (N'f', N'false', N'0', N'nein', N'n', N'no') THEN 0 END FROM t;
-- ntext as string
SELECT CAST([lang] AS nvarchar(max)) FROM t;
-- ntext as integer
SELECT CAST([lang] AS nvarchar(max)) FROM t;
-- ntext as number
SELECT CAST([lang] AS nvarchar(max)) FROM t;
-- ntext as boolean
SELECT CASE WHEN LOWER(LTRIM(RTRIM(CAST([lang] AS nvarchar(max))))) COLLATE Latin1_General_BIN2 IN (N't', N'true', N'1', N'ja', N'j', N'y', N'yes') THEN 1 WHEN LOWER(LTRIM(RTRIM(CAST([lang] AS nvarchar(max))))) COLLATE Latin1_General_BIN2 IN (N'f', N'false', N'0', N'nein', N'n', N'no') THEN 0 END FROM t;
-- date as string
SELECT CONVERT(char(10), [tag], 23) FROM t;
-- date as date
SELECT CONVERT(char(10), CAST([tag] AS date), 23) FROM t;
-- date as datetime
SELECT CONVERT(varchar(27), CAST([tag] AS datetime2(6)), 126) FROM t;
-- datetime as string
SELECT CONVERT(varchar(27), CAST([zeit] AS datetime2(6)), 126) FROM t;
-- datetime as date
SELECT CONVERT(char(10), CAST([zeit] AS date), 23) FROM t;
-- datetime as datetime
SELECT CONVERT(varchar(27), CAST([zeit] AS datetime2(6)), 126) FROM t;
-- datetime2 as string
SELECT CONVERT(varchar(27), CAST([genau] AS datetime2(6)), 126) FROM t;
-- datetime2 as date
SELECT CONVERT(char(10), CAST([genau] AS date), 23) FROM t;
-- datetime2 as datetime
SELECT CONVERT(varchar(27), CAST([genau] AS datetime2(6)), 126) FROM t;
-- datetimeoffset as string
SELECT CONVERT(varchar(34), CAST([zone] AS datetimeoffset(6)), 126) FROM t;
-- datetimeoffset as date
SELECT CONVERT(char(10), CAST(SWITCHOFFSET([zone], '+00:00') AS date), 23) FROM t;
-- datetimeoffset as datetime
SELECT CONVERT(varchar(27), CAST(SWITCHOFFSET([zone], '+00:00') AS datetime2(6)), 126) FROM t;
-- uniqueidentifier as string
SELECT LOWER(CONVERT(nvarchar(36), [kennung])) FROM t;
-- image as string
SELECT LOWER(CONVERT(varchar(max), CAST([bild] AS varbinary(max)), 2)) FROM t;
-- timestamp as string
SELECT LOWER(CONVERT(varchar(max), CAST([version] AS varbinary(max)), 2)) FROM t;
-- xml as string
SELECT CAST([xml] AS nvarchar(max)) FROM t;
-- geometry as string
SELECT [lage].STAsText() FROM t;
-- geometry as geometry
SELECT [lage].STAsBinary() FROM t;
