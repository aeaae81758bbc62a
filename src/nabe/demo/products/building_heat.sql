-- Heat of the year by building and usable area, worst first.
SELECT
  building_id,
  any_value(name) AS name,
  any_value(use) AS use,
  CAST(sum(heat) AS BIGINT) AS heat,
  round(sum(heat) * 1.0 / nullif(max(area), 0), 1) AS heat_per_area,
  rank() OVER (ORDER BY sum(heat) * 1.0 / nullif(max(area), 0) DESC) AS rank
FROM building_energy
GROUP BY building_id
