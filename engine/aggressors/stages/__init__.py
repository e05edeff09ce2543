"""The stages, one a file: Arrow tables in, Arrow tables out, no I/O."""
