SELECT concept_id, of, measure, value, low, high, n, coalesce(reference, ''), difference,
difference_low, difference_high
FROM attention
WHERE concept_id = $concept AND of IS NOT NULL AND measure IS NOT NULL AND n > 0 AND isfinite(value)
ORDER BY concept_id, measure, of
