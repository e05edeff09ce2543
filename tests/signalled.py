"""Tables of predictions of two models, of which the first fails in the dark, by every signal."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

CLASSES = ("coat", "shirt")
N = 800
SIGNALS = ("loss", "error", "confidence_gap", "wer", "1 - iou", "-iou")


def predictions(*, bad: bool, seed: int = 0) -> pa.Table:
    """Predictions in which a fifth of the samples is dark; a bad model fails on most of them.

    `iou` is better when higher, `wer` when lower, and below 0 for the best; both are missing for
    some samples.
    """
    world, noise = np.random.default_rng(0), np.random.default_rng(seed)
    label = world.integers(0, 2, N)
    light = world.random(N)
    wrong = noise.random(N) < np.where((light < 0.2) & bad, 0.7, 0.05)
    sure = noise.uniform(0.7, 0.95, N)
    own = np.where(wrong, 1 - sure, sure)
    probabilities = np.where(np.eye(2, dtype=bool)[label], own[:, None], 1 - own[:, None])
    iou = np.clip(np.where(wrong, 0.3, 0.8) + noise.normal(0, 0.05, N), 0, 1)
    wer = np.where(wrong, 1.2, -0.3) + noise.normal(0, 0.05, N)
    gone = np.arange(N) % 20 == 0
    return pa.table(
        {
            "sample_id": [f"s{row:04d}" for row in range(N)],
            "label": np.array(CLASSES)[label],
            "probabilities": probabilities.tolist(),
            "light": np.round(light, 3),
            "hour": world.integers(0, 24, N),
            "iou": pa.array(np.where(gone, np.nan, iou), from_pandas=True),
            "wer": pa.array(np.where(gone, np.nan, wer), from_pandas=True),
        }
    )
