-- Scooters of the provider over the districts of the survey office; those inside a zone where no ride may end.
SELECT
  d.district_key,
  d.name AS district_name,
  count(DISTINCT s.vehicle_id) AS parked,
  count(DISTINCT CASE WHEN z.zone IS NOT NULL THEN s.vehicle_id END) AS forbidden
FROM districts AS d
JOIN scooters AS s ON ST_Intersects(d.geometry, s.geometry)
LEFT JOIN scooter_zones AS z ON ST_Intersects(z.geometry, s.geometry) AND NOT z.ride_end_allowed
GROUP BY d.district_key, d.name
ORDER BY d.district_key
