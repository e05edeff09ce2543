"""Grids and error trees -> Vega-Lite specifications; no Streamlit here."""

from aggressors_app.weak_charts.grid import GridCell, grid
from aggressors_app.weak_charts.tree import LEAF, TreeBox, tree

__all__ = ["LEAF", "GridCell", "TreeBox", "grid", "tree"]
