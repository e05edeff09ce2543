SELECT s.row_id, hash(s.sample_id) AS sample, hash(s.label::VARCHAR) AS label,
s.loss AS value, coalesce(s.label = s.prediction, FALSE) AS right,
coalesce(s.fold = 'discover', FALSE) AS sought,
list_position($populations, s.population::VARCHAR) - 1 AS population
FROM samples s WHERE (s.population IN ('validation', 'test') OR s.population::VARCHAR = $analysed) AND s.loss IS NOT NULL ORDER BY s.row_id
