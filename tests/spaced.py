"""A group that is dark in looks alone: the embedding and the metadata do not tell it apart."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

CLASSES = ("boot", "coat", "shirt")
SHARE = 0.1  # of the samples that are dark, of which half are wrong


def table(n: int = 900, seed: int = 0, population: str = "validation", **more: str) -> pa.Table:
    """Predictions with `embedding`, and looks in `embedding_look`; ids end in `-dark` inside.

    `more` gives columns a further name, such as `embedding_a="embedding_look"`.
    """
    rng = np.random.default_rng([seed, *population.encode()])
    label = rng.integers(0, len(CLASSES), n)
    dark = rng.random(n) < SHARE
    wrong = rng.random(n) < np.where(dark, 0.5, 0.04)
    names = np.array(CLASSES)
    columns = {
        "sample_id": [f"{population}-{i}{'-dark' * bool(dark[i])}" for i in range(n)],
        "label": names[label],
        "prediction": names[(label + wrong) % len(CLASSES)],
        "hour": rng.integers(0, 24, n).astype(float),
        "embedding": _lists(np.eye(8)[label] * 4 + rng.normal(0, 0.5, (n, 8))),
        "embedding_look": _lists(rng.normal(0, 0.5, (n, 5)) + 3 * np.outer(dark, np.eye(5)[2])),
    }
    columns |= {name: columns[source] for name, source in more.items()}
    if population == "unlabeled":
        columns.pop("label")
    return pa.table(columns)


def _lists(rows: np.ndarray) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(rows, dtype=np.float32).ravel())
    return pa.FixedSizeListArray.from_arrays(flat, rows.shape[1])
