SELECT s.sample_id FROM assignments a JOIN samples s ON s.row_id = a.row_id
WHERE a.concept_id = $concept AND s.population = $analysed
