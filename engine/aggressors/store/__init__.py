"""Run files and workspaces on disk."""
