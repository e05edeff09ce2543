WITH known AS (
SELECT s.loss AS signal FROM samples s WHERE s.population = $analysed AND (s.population = $f0 AND s.loss > $f1)
)
SELECT min(signal), quantile_cont(signal, $tail) FROM known
;
SELECT g.rank, g.concept_id, g.name, g.status, g.severity, g.impact, g.n, g.n_known,
g.n_core, t.gap, t.gap_low, t.gap_high, t.q_value, g.action,
c.rule ->> '$.filter' AS rule, p.rank AS part_of
FROM aggressors g
JOIN concepts c USING (concept_id)
LEFT JOIN concept_stats t ON t.concept_id = g.concept_id AND t.fold = 'confirm'
AND t.population::VARCHAR = $analysed
LEFT JOIN aggressors p ON p.concept_id = c.parent_id
ORDER BY g.rank
;
WITH known AS (
SELECT s.row_id, s.loss AS signal
FROM samples s WHERE s.population = $analysed AND (s.population = $f0 AND s.loss > $f1)
), binned AS (
SELECT row_id, greatest(0, least($bins - 1, floor((signal - $low) / $width)))::INTEGER
AS bin
FROM known WHERE signal IS NOT NULL
)
SELECT -1 AS concept_id, bin, count(*) AS n FROM binned GROUP BY bin
UNION ALL
SELECT a.concept_id, b.bin, count(*) AS n
FROM aggressors g JOIN assignments a USING (concept_id) JOIN binned b USING (row_id)
GROUP BY a.concept_id, b.bin
