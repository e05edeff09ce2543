"""Records -> Vega-Lite specifications; no Streamlit here.

Plain dictionaries: Altair builds the same ones in 25 ms a chart, half of it validation, which the
tests do instead. Axes, fonts and grids follow Streamlit's theme; only colours that carry a meaning
are set here, from the palette of the theme.
"""

from aggressors_app.charts.calibrated import Reliability, reliability
from aggressors_app.charts.colors import DARK, LIGHT, Palette, palette
from aggressors_app.charts.grids import Cell, Mistake, confusion_matrix, loss_by_two
from aggressors_app.charts.losses import Bin, loss_by_category, loss_by_number
from aggressors_app.charts.parts import MARK, SELECTION, Spec
from aggressors_app.charts.runs import Point, over_runs, table_of_runs
from aggressors_app.charts.shares import Series, compare_shares

__all__ = [
    "DARK",
    "LIGHT",
    "MARK",
    "SELECTION",
    "Bin",
    "Cell",
    "Mistake",
    "Palette",
    "Point",
    "Reliability",
    "Series",
    "Spec",
    "compare_shares",
    "confusion_matrix",
    "loss_by_category",
    "loss_by_number",
    "loss_by_two",
    "over_runs",
    "palette",
    "reliability",
    "table_of_runs",
]
