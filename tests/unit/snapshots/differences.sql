SELECT min(weight), max(weight) FROM samples
;
SELECT m."operator" FROM metadata m LIMIT 0
;
SELECT count(*) FROM samples s POSITIONAL JOIN metadata m WHERE (s.row_id IN (SELECT row_id FROM assignments WHERE concept_id = $f0) AND m."brightness" < $f1 AND (m."operator" IN ($f2, $f3)) IS NOT TRUE)
;
SELECT s.label AS c0, s.prediction AS c1, m."brightness" AS c2, m."hour" AS c3, m."operator" AS c4, m."odd ""name"", with = signs" AS c5, s.weight AS c6 FROM samples s POSITIONAL JOIN metadata m WHERE TRUE AND (s.row_id IN (SELECT row_id FROM assignments WHERE concept_id = $f0) AND m."brightness" < $f1 AND (m."operator" IN ($f2, $f3)) IS NOT TRUE)
;
SELECT count(*) FROM samples s POSITIONAL JOIN metadata m WHERE ((s.row_id IN (SELECT row_id FROM assignments WHERE concept_id = $f0)) IS NOT TRUE AND m."brightness" < $f1 AND (m."operator" IN ($f2, $f3)) IS NOT TRUE)
;
SELECT s.label AS c0, s.prediction AS c1, m."brightness" AS c2, m."hour" AS c3, m."operator" AS c4, m."odd ""name"", with = signs" AS c5, s.weight AS c6 FROM samples s POSITIONAL JOIN metadata m WHERE TRUE AND ((s.row_id IN (SELECT row_id FROM assignments WHERE concept_id = $f0)) IS NOT TRUE AND m."brightness" < $f1 AND (m."operator" IN ($f2, $f3)) IS NOT TRUE)
