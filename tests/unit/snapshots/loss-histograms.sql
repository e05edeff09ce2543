SELECT s.loss AS c0 FROM samples s
;
SELECT (s.population = $f0) IS TRUE AS through FROM samples s
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
SELECT a.row_id FROM assignments a JOIN samples s ON s.rowid = a.row_id
WHERE a.concept_id = $concept AND s.population = $analysed ORDER BY a.row_id
