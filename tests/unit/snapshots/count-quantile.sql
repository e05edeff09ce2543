SELECT (s.loss >= CASE s.population WHEN 'train' THEN (
SELECT quantile_disc(loss, $f0) FROM samples WHERE population = 'train') WHEN 'validation' THEN (
SELECT quantile_disc(loss, $f0) FROM samples WHERE population = 'validation') WHEN 'test' THEN (
SELECT quantile_disc(loss, $f0) FROM samples WHERE population = 'test') WHEN 'unlabeled' THEN (
SELECT quantile_disc(loss, $f0) FROM samples WHERE population = 'unlabeled') END) IS TRUE AS through FROM samples s
