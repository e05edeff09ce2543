WITH known AS (
SELECT s.row_id, s.weight, s.fold, s.loss AS signal
FROM samples s WHERE s.population = $analysed
)
SELECT row_id IN (SELECT row_id FROM assignments WHERE concept_id IN (
SELECT concept_id FROM aggressors WHERE status = 'confirmed')) AS inside,
count(*) AS n, sum(weight) AS weight, sum(weight * signal) AS signal,
sum(weight) FILTER (fold = 'confirm') AS confirm_weight,
sum(weight * signal) FILTER (fold = 'confirm') AS confirm_signal,
least(min(signal), 0) AS floor
FROM known WHERE signal IS NOT NULL GROUP BY inside
