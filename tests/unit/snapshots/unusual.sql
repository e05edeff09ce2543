SELECT m."brightness", m."hour", m."odd ""name"", with = signs" FROM metadata m WHERE m.row_id % $step = 0 ORDER BY m.row_id
;
SELECT m."operator"::VARCHAR, count(*) FROM metadata m WHERE m."operator" IS NOT NULL
GROUP BY m."operator" ORDER BY count(*) DESC, m."operator" LIMIT $most
