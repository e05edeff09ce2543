SELECT sample_id, map_x, map_y FROM samples
WHERE map_x IS NOT NULL AND map_y IS NOT NULL AND hash(sample_id) % $step = 0
