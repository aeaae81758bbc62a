-- Forecast against places, beside the children who are registered (years of birth with fewer than five are missing).
WITH registered AS (
  SELECT district_key, birth_year + 6 AS enters, count(*) AS children
  FROM residents
  GROUP BY district_key, birth_year
)
SELECT
  e.district_key,
  e.school_year,
  e.expected,
  e.seats,
  CAST(greatest(e.expected - e.seats, 0) AS BIGINT) AS missing,
  r.children AS children_registered
FROM school_enrolment AS e
LEFT JOIN registered AS r ON r.district_key = e.district_key AND r.enters = CAST(left(e.school_year, 4) AS BIGINT)
ORDER BY e.district_key, e.school_year
