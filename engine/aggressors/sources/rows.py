"""Arrow tables of one batch of samples, row by row in the order of the batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aggressors.sources.samples import Batch, weights
from aggressors.stages.infer import Outcome


def samples_table(batch: Batch, outcome: Outcome, classes: Sequence[str]) -> pa.Table:
    """Build `samples`: class names as strings, or numbers where there are no classes."""
    n = len(batch.samples)
    kind = pa.string() if classes else pa.float64()
    if classes:
        names = pa.array(classes, kind)
        prediction = names.take(pa.array(outcome.prediction))
        label = None if batch.targets is None else names.take(pa.array(batch.targets.numpy()))
    else:
        prediction = pa.array(outcome.prediction, kind)
        label = None if batch.targets is None else pa.array(batch.labels, kind)
    return pa.table(
        {
            "sample_id": pa.array(batch.ids, pa.string()),
            "label": pa.nulls(n, kind) if label is None else label,
            "prediction": prediction,
            "confidence": _column(outcome.confidence, n, pa.float32()),
            "loss": _column(outcome.loss, n, pa.float64()),
            "weight": pa.array(weights(batch.samples), pa.float32()),
            "group_id": pa.array([sample.group for sample in batch.samples], pa.string()),
        }
    )


def _column(values: NDArray[np.generic] | None, n: int, kind: pa.DataType) -> pa.Array:
    return pa.nulls(n, kind) if values is None else pa.array(values, kind)


def vectors(values: NDArray[np.float32]) -> pa.Array:
    """Turn (n, d) into a column of lists."""
    flat = pa.array(np.ascontiguousarray(values).reshape(-1), pa.float32())
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
