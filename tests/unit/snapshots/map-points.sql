SELECT s.row_id, s.sample_id, ($xx * s.map_x + $xy * s.map_y + $x0) AS x, ($yx * s.map_x + $yy * s.map_y + $y0) AS y, s.label::VARCHAR AS label,
s.prediction::VARCHAR AS prediction, s.loss , (m."hour")::DOUBLE AS c0
FROM samples s POSITIONAL JOIN metadata m
WHERE (s.population = $f0 AND s.loss > $f1) AND s.map_x IS NOT NULL
AND ($xx * s.map_x + $xy * s.map_y + $x0) >= $left AND ($xx * s.map_x + $xy * s.map_y + $x0) < $right AND ($yx * s.map_x + $yy * s.map_y + $y0) >= $bottom AND ($yx * s.map_x + $yy * s.map_y + $y0) < $top
ORDER BY s.loss DESC NULLS LAST, s.row_id LIMIT $most
