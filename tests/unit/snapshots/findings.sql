SELECT c.field, coalesce(f.unit, '') AS unit, c.statistic, c.stratum, c.effect,
coalesce(c.low, c.effect) AS low, coalesce(c.high, c.effect) AS high, c.q_value, c.n,
c.detail::VARCHAR AS detail
FROM correlations c LEFT JOIN metadata_fields f ON f.field = c.field
WHERE c.concept_id = $concept AND c.target = $target AND c.effect IS NOT NULL
QUALIFY row_number() OVER (
PARTITION BY c.field, c.statistic ORDER BY c.stratum = 'label' DESC
) = 1
ORDER BY c.field, c.statistic
;
SELECT field, reason, coalesce(shown_by, ''), "distinct" FROM fields_aside ORDER BY rowid
;
SELECT rule ->> '$.filter' FROM concepts WHERE concept_id = $concept
;
SELECT first, second, filter, effect, low, coalesce(high, effect) AS high, q_value, n,
detail::VARCHAR AS detail
FROM combinations
WHERE concept_id = $concept AND gain >= $gain AND low > 0
ORDER BY effect DESC, first, second
