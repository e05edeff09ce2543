SELECT min(weight), max(weight) FROM samples
;
SELECT m."operator" FROM metadata m LIMIT 0
;
SELECT count(*), count(*) FILTER (((s.row_id IN (SELECT row_id FROM assignments WHERE concept_id = $f3)) IS TRUE)) FROM samples s POSITIONAL JOIN metadata m WHERE (m."brightness" < $f0 AND (m."operator" IN ($f1, $f2)) IS NOT TRUE)
;
SELECT ((s.row_id IN (SELECT row_id FROM assignments WHERE concept_id = $f3)) IS TRUE) AS c0, s.label AS c1, s.prediction AS c2, m."brightness" AS c3, m."hour" AS c4, m."operator" AS c5, m."odd ""name"", with = signs" AS c6, s.weight AS c7 FROM samples s POSITIONAL JOIN metadata m WHERE (m."brightness" < $f0 AND (m."operator" IN ($f1, $f2)) IS NOT TRUE) AND TRUE
