"""Where samples come from: a torch model or a table, both giving the same Arrow tables."""
