"""What a run costs beside the model itself. `make bench`, or run this file.

The bare forward pass is what anybody who evaluates a model pays: read each sample from the dataset,
stack the batch, call the model. `infer` and `describe` add to it losses, embeddings, thumbnails and
some fifteen measurements of each image. All figures are process CPU seconds, because wall time on a
shared machine says more about the neighbours.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).resolve().parents[2]
CLOTHES = ROOT / "data" / "clothes"
RESULT = Path(__file__).parent / "results" / "engine.json"
N_IMAGES = 50_000
MOST_RATIO = 2.0  # of infer and describe to the bare forward pass


@dataclass
class Clock:
    """Process CPU seconds."""

    seconds: float = 0.0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        began = time.process_time()
        yield
        self.seconds += time.process_time() - began


@lru_cache
def photographs() -> list[tuple[bytes, str]]:
    """JPEG and label of each photograph of the demo's validation population."""
    rows = pq.read_table(CLOTHES / "validation.parquet", columns=["image", "label"]).to_pydict()
    return list(zip(rows["image"], rows["label"], strict=True))


class Repeated:
    """`n` samples that repeat the demo's photographs, each under an id and exposure of its own."""

    def __init__(self, prefix: str, n: int, labeled: bool) -> None:
        self.prefix, self.n, self.labeled = prefix, n, labeled
        self.phase = len(prefix) * 0.414214  # another one for each population

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int):
        from model import to_input

        import aggressors as ag

        jpeg, label = photographs()[index % len(photographs())]
        return ag.Sample(
            sample_id=f"{self.prefix}-{index:06d}",
            input=to_input(jpeg).mul_(0.8 + (self.phase + index * 0.618034) % 0.4),
            label=label if self.labeled else None,
            image=jpeg,
            metadata={"hour": index % 24, "station": f"station {index % 7}"},
        )


def integration(n: int):
    """Integration of the demo's first model over `n` photographs, a third each population."""
    from model import IntakeNet

    import aggressors as ag

    classes = sorted({label for _, label in photographs()})
    third = n // 3
    return ag.Integration(
        model=lambda: ag.load_weights(IntakeNet(12), CLOTHES / "models" / "v1.safetensors"),
        classes=classes,
        datasets={
            "train": Repeated("train", third, True),
            "validation": Repeated("validation", n - 2 * third, True),
            "unlabeled": Repeated("unlabeled", third, False),
        },
    )


def forward_pass(source, batch_size: int) -> tuple[float, float]:
    """CPU seconds of the bare pass over all samples: in all, and of the model alone."""
    import torch

    whole, model = Clock(), Clock()
    source.model.eval()
    for name, size in source.populations.items():
        dataset = source.integration.datasets[name]
        for start in range(0, size, batch_size):
            with whole(), torch.inference_mode():
                positions = range(start, min(start + batch_size, size))
                inputs = torch.stack([dataset[position].input for position in positions])
                with model():
                    source.model(inputs)
    return whole.seconds, model.seconds


def batch_stages(source, settings) -> tuple[float, float]:
    """CPU seconds of infer and describe over all samples, and the part that is describe."""
    whole = Clock()
    described = wall = 0.0
    for name, size in source.populations.items():
        for start in range(0, size, settings.shard_size):
            with whole():
                stop = min(start + settings.shard_size, size)
                shard = source.shard(name, start, stop, settings, lambda count: None)
            described += shard.seconds["describe"]
            wall += sum(shard.seconds.values())
    return whole.seconds, whole.seconds * described / wall


def whole_run(source, settings) -> dict[str, float]:
    """CPU seconds of a complete run, and wall seconds of each of its stages."""
    import duckdb

    from aggressors import runner
    from aggressors.store.workspace import Workspace

    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        with clock():
            result = runner.run(source, Workspace.open(folder, create=True), settings=settings)
        with duckdb.connect(result.path, read_only=True) as database:
            stages = dict(database.execute("SELECT stage, seconds FROM stages").fetchall())
    total = sum(stages.values())
    shares = {stage: round(seconds / total, 4) for stage, seconds in stages.items()}
    return {"cpu_seconds": round(clock.seconds, 1), "share_of_wall_time": shares}


def measure(n: int, *, complete: bool) -> dict[str, object]:
    """Take all figures over `n` images."""
    sys.path.insert(0, str(CLOTHES))
    import torch

    from aggressors.contracts import Settings
    from aggressors.sources.checking import open_torch

    torch.set_num_threads(1)
    settings = Settings()
    source = open_torch(integration(n), settings)
    forward_pass(open_torch(integration(600), settings), settings.batch_size)  # warm up
    bare, model = forward_pass(source, settings.batch_size)
    engine, described = batch_stages(source, settings)
    figures: dict[str, object] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "load": [round(load, 1) for load in os.getloadavg()],
        "torch": torch.__version__,
        "images": n,
        "bare_forward_pass_cpu_seconds": round(bare, 2),
        "model_alone_cpu_seconds": round(model, 2),
        "infer_and_describe_cpu_seconds": round(engine, 2),
        "describe_cpu_seconds": round(described, 2),
        "ratio": round(engine / bare, 3),
        "ratio_to_model_alone": round(engine / model, 3),
    }
    if complete:
        figures["run"] = whole_run(source, settings)
    return figures


@pytest.mark.bench
def test_infer_and_describe_cost_at_most_twice_the_forward_pass():
    figures = measure(N_IMAGES, complete=True)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))
    assert figures["ratio"] <= MOST_RATIO


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=N_IMAGES)
    parser.add_argument("--quick", action="store_true", help="leave the complete run out")
    parser.add_argument("--out", type=Path, help="write the figures there as JSON")
    arguments = parser.parse_args()
    figures = measure(arguments.images, complete=not arguments.quick)
    text = json.dumps(figures, indent=2)
    print(text)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
