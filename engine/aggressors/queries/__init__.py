"""The questions the dashboard asks; with store, the only place with SQL."""
