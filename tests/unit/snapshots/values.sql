SELECT value::VARCHAR AS value, n FROM (
SELECT m."operator" AS value, count(*) AS n FROM samples s POSITIONAL JOIN metadata m
WHERE m."operator" IS NOT NULL AND TRUE GROUP BY ALL
) WHERE contains(lower(value::VARCHAR), lower($search))
ORDER BY n DESC, value::VARCHAR LIMIT $limit
