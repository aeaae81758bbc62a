-- Kita places per 100 children under 6 by district, with the share of households on assistance.
-- Three silos: kita_verwaltung (kita_places), einwohnerwesen (population, households), sozialhilfe (assistance).
-- The grant on assistance_households shows districts with five households or more; the others are missing here, so
-- their share is NULL and `suppressed` says why. None and one to four households look the same, on purpose.
WITH places AS (
  SELECT district_key, sum(places) AS places
  FROM kita_places
  GROUP BY district_key
), children AS (
  SELECT district_key, sum(inhabitants) AS children
  FROM population_by_age
  WHERE age_group IN ('00-02', '03-05')
  GROUP BY district_key
), assisted AS (
  SELECT district_key, count(*) AS households
  FROM assistance_households
  GROUP BY district_key
)
SELECT
  h.district_key,
  h.district_name,
  CAST(c.children AS BIGINT) AS children_under_6,
  CAST(coalesce(p.places, 0) AS BIGINT) AS kita_places,
  round(100.0 * coalesce(p.places, 0) / nullif(c.children, 0), 1) AS places_per_100,
  h.households,
  round(100.0 * a.households / nullif(h.households, 0), 1) AS assistance_share,
  a.households IS NULL AS suppressed
FROM households_by_district AS h
LEFT JOIN children AS c ON c.district_key = h.district_key
LEFT JOIN places AS p ON p.district_key = h.district_key
LEFT JOIN assisted AS a ON a.district_key = h.district_key
ORDER BY h.district_key
