SELECT coalesce(s.map_x, 'nan'::FLOAT) AS place FROM samples s
;
SELECT coalesce(s.map_y, 'nan'::FLOAT) AS place FROM samples s
