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
SELECT a.concept_id, hash(s.sample_id) AS sample
FROM aggressors g JOIN assignments a USING (concept_id)
JOIN samples s ON s.row_id = a.row_id WHERE s.population = $analysed
;
SELECT hash(s.sample_id) AS sample FROM samples s WHERE s.population = $analysed
