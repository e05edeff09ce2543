SELECT min(s.loss), quantile_cont(s.loss, $tail) FROM samples s
WHERE s.population = $analysed AND s.loss IS NOT NULL AND (s.population = $f0 AND s.loss > $f1)
;
SELECT g.rank, g.concept_id, g.name, g.status, g.severity, g.impact, g.n, g.n_core,
t.gap, t.gap_low, t.gap_high, t.q_value, g.action, c.rule ->> '$.filter' AS rule
FROM aggressors g
JOIN concepts c USING (concept_id)
LEFT JOIN concept_stats t ON t.concept_id = g.concept_id AND t.fold = 'confirm'
AND t.population::VARCHAR = $analysed
ORDER BY g.rank
;
WITH binned AS (
SELECT s.row_id, greatest(0, least($bins - 1, floor((s.loss - $low) / $width)))::INTEGER
AS bin
FROM samples s WHERE s.population = $analysed AND s.loss IS NOT NULL AND (s.population = $f0 AND s.loss > $f1)
)
SELECT -1 AS concept_id, bin, count(*) AS n FROM binned GROUP BY bin
UNION ALL
SELECT a.concept_id, b.bin, count(*) AS n
FROM aggressors g JOIN assignments a USING (concept_id) JOIN binned b USING (row_id)
GROUP BY a.concept_id, b.bin
