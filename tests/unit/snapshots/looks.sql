SELECT of, method, target, n, height, width, scale, pixels FROM mean_maps
WHERE concept_id = $concept
ORDER BY list_position($order, of), target DESC
