SELECT m."operator" AS value FROM metadata m
