SELECT word, z, n_inside, of_inside, n_outside, of_outside, stratum
FROM words
WHERE concept_id = $concept AND length(word) BETWEEN 1 AND $longest AND z BETWEEN 0 AND 1e6
AND n_inside BETWEEN 1 AND of_inside AND n_outside BETWEEN 0 AND of_outside
AND of_outside > 0
ORDER BY rank LIMIT $most
;
SELECT left(x.text, 2000) FROM representatives r JOIN media x ON x.sample_id = r.sample_id
WHERE r.concept_id = $concept AND x.text IS NOT NULL
ORDER BY r.reason, r.rank LIMIT $limit
