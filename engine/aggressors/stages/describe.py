"""Built-in metadata: what can be measured on a sample by its type, without the model.

A type of data is one module with `MEASURES` and a `measure` that returns one array a measure, NaN
where a sample has no such value. The user's own field of the same name always wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from aggressors.stages import describe_image, describe_text

if TYPE_CHECKING:
    from aggressors.sources.pictures import Picture

SOURCE = "built-in"
MEASURES = (*describe_image.MEASURES, *describe_text.MEASURES)
UNITS = {entry.name: entry.unit for entry in MEASURES}


def describe(
    pictures: Sequence[Picture | None], texts: Sequence[str | None]
) -> Mapping[str, pa.Array]:
    """Measure a batch of samples.

    Parameters
    ----------
    pictures : the decoded image of each sample, None where it has none.
    texts : the text of each sample, None where it has none.

    Returns
    -------
    Name of the field -> one float64 a sample, NULL where it cannot be measured; only fields of the
    types of data that the batch holds.
    """
    columns: dict[str, pa.Array] = {}
    seen = [place for place, picture in enumerate(pictures) if picture is not None]
    if seen:
        shown = [picture for picture in pictures if picture is not None]
        values = describe_image.measure(
            [picture.pixels for picture in shown], [picture.size for picture in shown]
        )
        columns |= _columns(values, seen, len(pictures))
    written = [place for place, text in enumerate(texts) if text is not None]
    if written:
        values = describe_text.measure([text for text in texts if text is not None])
        columns |= _columns(values, written, len(texts))
    return columns


def _columns(
    values: Mapping[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]],
    places: Sequence[int],
    n: int,
) -> dict[str, pa.Array]:
    columns = {}
    for name, measured in values.items():
        column = np.full(n, np.nan)
        column[places] = measured
        columns[name] = pa.array(column, from_pandas=True)
    return columns
