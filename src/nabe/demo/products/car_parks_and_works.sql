-- Car parks and what is dug up within 800 metres of them, by the city or by the state.
WITH works AS (
  SELECT 'Stadt' AS works_by, works_id, street_name, geometry FROM road_works
  UNION ALL
  SELECT 'Land' AS works_by, record_id AS works_id, road_name AS street_name, geometry FROM state_road_works
),
near AS (
  SELECT
    c.car_park_id, c.name, c.free, w.works_by, w.works_id, w.street_name,
    ST_Distance(
      ST_Transform(c.geometry, 'OGC:CRS84', 'EPSG:25832'), ST_Transform(w.geometry, 'OGC:CRS84', 'EPSG:25832')
    ) AS metres
  FROM car_park_free AS c
  JOIN works AS w ON true
)
SELECT car_park_id, name, free, works_by, works_id, street_name, CAST(round(metres) AS BIGINT) AS metres
FROM near
WHERE metres <= 800
ORDER BY car_park_id, metres, works_id
