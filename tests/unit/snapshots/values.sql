SELECT m."operator"::VARCHAR AS value, count(*) AS n FROM samples s POSITIONAL JOIN metadata m
WHERE m."operator" IS NOT NULL AND contains(lower(m."operator"::VARCHAR), lower($search)) AND TRUE
GROUP BY value ORDER BY n DESC, value LIMIT $limit
