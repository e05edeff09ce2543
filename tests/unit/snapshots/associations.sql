WITH own AS (
SELECT * FROM correlations WHERE concept_id = $concept AND target = $target
AND statistic NOT IN ('mutual-information', 'missing')
), chosen AS (
SELECT * FROM own WHERE stratum = $stratum
UNION ALL
SELECT * FROM own WHERE stratum = 'all'
AND field NOT IN (SELECT field FROM own WHERE stratum = $stratum)
)
SELECT c.field, coalesce(f.kind, 'category') AS kind, coalesce(f.unit, '') AS unit,
c.statistic, c.stratum, c.effect, c.low, c.high, p.effect AS plain_effect,
c.q_value, c.n, c.detail ->> '$.sentence' AS sentence, c.detail::VARCHAR AS detail
FROM chosen c
LEFT JOIN own p ON p.field = c.field AND p.stratum = 'all'
LEFT JOIN metadata_fields f ON f.field = c.field
ORDER BY abs(c.effect) DESC, c.field
