-- Measures in the same street at the same time: trenches of the utilities and events against road works.
WITH others AS (
  SELECT order_id AS other_id, street_key, network AS what, begins, ends
  FROM utility_works
  UNION ALL
  SELECT CAST(event_id AS VARCHAR) AS other_id, street_key, name AS what, CAST(starts AS DATE) AS begins, CAST(ends AS DATE) AS ends
  FROM events
)
SELECT
  w.works_id,
  w.street_key,
  w.street_name,
  o.what AS conflict_with,
  o.other_id,
  greatest(w.begins, o.begins) AS begins,
  least(w.ends, o.ends) AS ends,
  CAST(date_diff('day', greatest(w.begins, o.begins), least(w.ends, o.ends)) + 1 AS BIGINT) AS days
FROM road_works AS w
JOIN others AS o ON o.street_key = w.street_key AND o.begins <= w.ends AND o.ends >= w.begins
ORDER BY days DESC, w.works_id, o.other_id
