SELECT s.population::VARCHAR AS population, count(*) AS n, count(s.loss) AS n_labeled,
sum(s.weight * s.loss) AS loss,
sum(s.weight) FILTER (s.loss IS NOT NULL) AS weight,
sum(s.weight * (s.label <> s.prediction)::INTEGER) AS errors,
sum(s.weight) FILTER (s.label IS NOT NULL AND s.prediction IS NOT NULL) AS judged
FROM samples s WHERE (s.population = $f0 AND s.loss > $f1) GROUP BY s.population ORDER BY s.population
