SELECT m."operator" FROM metadata m LIMIT 0
;
SELECT g.concept_id, g.rank, g.n, count(p.row_id) AS n_scope,
sum(p.weight * p.loss) / sum(p.weight) AS mean_loss,
sum(p.weight * p.wrong) / sum(p.weight) AS error_rate
FROM aggressors g
LEFT JOIN (
SELECT a.concept_id, s.row_id, s.weight, s.loss, (s.label <> s.prediction)::INTEGER AS wrong
FROM samples s POSITIONAL JOIN metadata m JOIN assignments a ON a.row_id = s.row_id
WHERE s.population = $analysed AND (m."brightness" < $f0 AND (m."operator" IN ($f1, $f2)) IS NOT TRUE)
) p USING (concept_id)
GROUP BY ALL ORDER BY g.rank
