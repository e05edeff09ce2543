SELECT field, statistic, stratum, effect, low, high, q_value, n,
detail ->> '$.sentence' AS sentence, detail::VARCHAR AS detail
FROM correlations
WHERE concept_id = $concept AND target = $target
AND statistic NOT IN ('mutual-information', 'missing')
ORDER BY abs(effect) DESC, field
