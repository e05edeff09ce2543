"""What explaining 10,000 images costs beside the grad-cam package. `make bench`, or run this file.

Both make the same maps with the demo's first model: for the prediction of every image, and for the
true class where that is another. The package alone is called as its manual shows, batch by batch,
on inputs that stand ready in memory. `explain` reads and decodes each image again, and adds to the
maps what a run keeps of them: sums over sets, numbers, heatmaps as bytes. All figures are process
CPU seconds, because wall time on a shared machine says more about the neighbours.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench_engine import CLOTHES, Repeated

RESULT = Path(__file__).parents[1] / "results" / "explain.json"
N_IMAGES = 10_000
MOST_RATIO = 1.3  # of explain to the package alone
REPEATS = 3
BATCH = 256


def opened(n: int):
    """The demo's first model over `n` photographs, as a source."""
    sys.path.insert(0, str(CLOTHES))
    from classes import CLASSES
    from model import IntakeNet

    import aggressors as ag
    from aggressors.contracts import Settings
    from aggressors.sources.checking import open_torch

    integration = ag.Integration(
        model=lambda: ag.load_weights(IntakeNet(12), CLOTHES / "models" / "v1.safetensors"),
        classes=CLASSES,
        datasets={"validation": Repeated("validation", n, True)},
    )
    return open_torch(integration, Settings())


def work_tables(source, settings) -> dict[str, pa.Table]:
    """What the stages before `explain` would hand on, with a third of the samples as a group."""
    from aggressors.stages.tables import empty, rows

    n = source.populations["validation"]
    shard = source.shard("validation", 0, n, settings, lambda count: None)
    tables = dict(shard.tables)
    ids = tables["samples"]["sample_id"].to_pylist()
    row_id = pa.array(range(n), pa.int64())
    tables["samples"] = (
        tables["samples"]
        .append_column("row_id", row_id)
        .append_column("population", pa.array(["validation"] * n))
        .append_column("fold", pa.array(["discover", "confirm"] * (n // 2) + ["confirm"] * (n % 2)))
    )
    tables["positions"] = tables["positions"].append_column("row_id", row_id)
    tables["metadata_fields"] = empty("metadata_fields")
    members = range(0, n, 3)
    return tables | {
        "assignments": rows("assignments", [
            {"concept_id": 1, "row_id": row, "sample_id": ids[row], "score": 1.0} for row in members
        ]),
        "aggressors": rows("aggressors", [{"concept_id": 1, "rank": 1, "name": "every third"}]),
        "representatives": rows("representatives", [
            {"concept_id": 1, "reason": "worst", "rank": rank, "sample_id": ids[3 * rank]}
            for rank in range(1, 13)
        ]),
    }  # fmt: skip


def package(model, layer: str, inputs, first: np.ndarray, second: np.ndarray) -> int:
    """Make the maps with the package alone; returns how many."""
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    made = 0
    model.eval()
    with GradCAM(model, [model.get_submodule(layer)]) as cam:
        for rows, codes in (
            (np.arange(len(first)), first),
            (np.flatnonzero(second != first), second),
        ):
            for start in range(0, len(rows), BATCH):
                part = rows[start : start + BATCH]
                targets = [ClassifierOutputTarget(int(code)) for code in codes[part]]
                made += len(cam(input_tensor=inputs[part], targets=targets))
    return made


def cpu_seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def measure(n: int) -> dict[str, object]:
    """Take all figures over `n` images, the two taking turns."""
    import torch

    from aggressors.contracts import Settings
    from aggressors.stages.explain import explain
    from aggressors.stages.protocol import Context

    torch.set_num_threads(1)
    # As many as there are, so that every image is explained.
    settings = Settings(heatmap_samples=100_000, batch_size=BATCH)
    source = opened(n)
    tables = work_tables(source, settings)
    context = Context(settings, source.classes, source=source)
    dataset = source.integration.datasets["validation"]
    began = time.process_time()
    inputs = torch.stack([dataset[place].input for place in range(n)])
    reading = time.process_time() - began
    place = {name: code for code, name in enumerate(source.classes)}
    first, second = (
        np.array([place[name] for name in tables["samples"][column].to_pylist()])
        for column in ("prediction", "label")
    )
    package(source.model, source.heatmap_layer, inputs[:BATCH], first[:BATCH], second[:BATCH])
    made = package(source.model, source.heatmap_layer, inputs, first, second)  # warm up
    ours, bare = [], []
    for _ in range(REPEATS):
        bare.append(
            cpu_seconds(lambda: package(source.model, source.heatmap_layer, inputs, first, second))
        )
        before = peak_mib()
        ours.append(cpu_seconds(lambda: explain(tables, context)))
        grown = peak_mib() - before
    explained, alone = min(ours), min(bare)
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "load": [round(load, 1) for load in os.getloadavg()],
        "torch": torch.__version__,
        "images": n,
        "maps": made,
        "repeats": REPEATS,
        "package_alone_cpu_seconds": round(alone, 2),
        "explain_cpu_seconds": round(explained, 2),
        "reading_cpu_seconds": round(reading, 2),
        "ratio": round(explained / alone, 3),
        "ratio_of_both_with_reading": round(explained / (alone + reading), 3),
        "all_package_alone": [round(seconds, 2) for seconds in bare],
        "all_explain": [round(seconds, 2) for seconds in ours],
        "explain_peak_above_package_mib": round(grown, 1),
    }


def peak_mib() -> float:
    """Most resident memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**2 if sys.platform == "darwin" else 1024)


@pytest.mark.bench
@pytest.mark.timeout(3600)
def test_explain_costs_at_most_a_third_more_than_the_package():
    figures = measure(N_IMAGES)
    RESULT.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=2))
    assert figures["ratio"] <= MOST_RATIO


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=N_IMAGES)
    parser.add_argument("--out", type=Path, help="write the figures there as JSON")
    asked = parser.parse_args()
    text = json.dumps(measure(asked.images), indent=2)
    print(text)
    if asked.out:
        asked.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
