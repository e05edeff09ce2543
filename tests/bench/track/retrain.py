"""Train one network many times, from other seeds, on the demo's pictures: models without a change.

    PYTHONPATH=tests python -m bench.track.retrain pictures WORKSPACE OUT.npz
    python tests/bench/track/retrain.py train OUT.npz MODELS.npz --models 24   # needs torch alone

`pictures` needs the engine and a demo workspace; `train` takes some seconds a network.
"""

from __future__ import annotations

import argparse
import io
import time
from pathlib import Path

import numpy as np

EPOCHS = 8
BATCH = 128
WIDTH = 48  # of the layer that stands for the embedding


def pictures(workspace: Path, out: Path) -> None:
    """Write pixels, labels and populations of the newest run, in the order of `row_id`."""
    from PIL import Image

    from aggressors.queries.scope import fetch
    from aggressors.store.read import open_run
    from aggressors.store.workspace import Workspace

    with open_run(Workspace.open(workspace).resolve("v2")) as run:
        found = fetch(
            run,
            "SELECT s.population::VARCHAR AS population, s.label::VARCHAR AS label, m.thumbnail"
            " FROM samples s JOIN media m USING (row_id) ORDER BY s.row_id",
        )
        pixels = [
            np.asarray(Image.open(io.BytesIO(one)).convert("RGB").resize((28, 28)))
            for one in found["thumbnail"].to_pylist()
        ]
        labels = [
            -1 if one is None else run.classes.index(one) for one in found["label"].to_pylist()
        ]
    population = np.array(found["population"].to_pylist())
    np.savez_compressed(out, pixels=np.array(pixels), label=np.array(labels), population=population)


def train(given: Path, out: Path, models: int, first: int = 0) -> None:
    """Train `models` networks, from seed `first` on; writes what they make of held-out samples."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with np.load(given) as kept:
        label, population = kept["label"], kept["population"]
        pixels = torch.from_numpy(kept["pixels"]).permute(0, 3, 1, 2).float().div(255).to(device)
    target = torch.from_numpy(label).to(device)
    fit = torch.from_numpy(np.flatnonzero((population == "train") & (label >= 0))).to(device)
    held = torch.from_numpy(np.flatnonzero(np.isin(population, ["validation", "test"]))).to(device)
    kept_all: dict[str, list[np.ndarray]] = {"loss": [], "prediction": [], "embedding": []}
    for seed in range(first, first + models):
        started = time.perf_counter()
        torch.manual_seed(seed)
        body = nn.Sequential(
            nn.Conv2d(3, 16, 5, stride=2, padding=2), nn.BatchNorm2d(16), nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.Flatten(),
            nn.Linear(32 * 49, WIDTH), nn.ReLU(),
        ).to(device)  # fmt: skip
        head = nn.Linear(WIDTH, 10).to(device)
        optimizer = torch.optim.AdamW([*body.parameters(), *head.parameters()], 2e-3)
        steps = EPOCHS * (len(fit) // BATCH + 1)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
        for _ in range(EPOCHS):
            order = fit[torch.randperm(len(fit)).to(device)]
            for start in range(0, len(order), BATCH):
                rows = order[start : start + BATCH]
                loss = nn.functional.cross_entropy(head(body(pixels[rows])), target[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
        body.eval()
        with torch.no_grad():
            vector = torch.cat([body(pixels[rows]) for rows in held.split(1_024)])
            logits = head(vector)
            loss = nn.functional.cross_entropy(logits, target[held], reduction="none")
        kept_all["loss"].append(loss.double().cpu().numpy())
        kept_all["prediction"].append(logits.argmax(1).cpu().numpy().astype(np.int16))
        kept_all["embedding"].append(vector.half().cpu().numpy())
        right = float((logits.argmax(1) == target[held]).float().mean())
        spent = time.perf_counter() - started
        print(f"{seed}: loss {float(loss.mean()):.3f} right {right:.3f} {spent:.1f} s", flush=True)
    np.savez(
        out,
        **{name: np.array(one) for name, one in kept_all.items()},
        rows=held.cpu().numpy(),
        label=label[held.cpu().numpy()],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("pictures", "train"))
    parser.add_argument("given", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--models", type=int, default=24)
    parser.add_argument("--first", type=int, default=0, help="seed of the first network")
    given = parser.parse_args()
    if given.what == "pictures":
        pictures(given.given, given.out)
    else:
        train(given.given, given.out, given.models, given.first)


if __name__ == "__main__":
    main()
