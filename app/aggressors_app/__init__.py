"""The dashboard: pages over published run files."""
