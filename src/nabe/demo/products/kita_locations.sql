-- What parents need to find a Kita. Heads and phone numbers are not in the grant and cannot get here.
SELECT
  k.facility_id,
  k.name,
  o.name AS operator,
  o.kind AS operator_kind,
  concat(k.street_name, ' ', k.house_number) AS address,
  k.postcode,
  k.district_key,
  k.places,
  st_point(k.lon, k.lat) AS geometry
FROM kita_facilities AS k
LEFT JOIN kita_operators AS o ON o.operator_id = k.operator_id
