SELECT s.row_id IN (SELECT row_id FROM assignments WHERE concept_id IN (
SELECT concept_id FROM aggressors WHERE status = 'confirmed')) AS inside,
count(*) AS n, sum(s.weight) AS weight, sum(s.weight * s.loss) AS signal,
sum(s.weight) FILTER (s.fold = 'confirm') AS confirm_weight,
sum(s.weight * s.loss) FILTER (s.fold = 'confirm') AS confirm_signal
FROM samples s WHERE s.population = $analysed AND s.loss IS NOT NULL GROUP BY inside
