SELECT m."operator" AS c0 FROM metadata m
