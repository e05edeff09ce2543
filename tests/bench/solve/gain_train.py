"""Train and judge every arm of the planned cells; needs numpy and torch, nothing of the engine.

`PYTHONPATH=tests python -m bench.solve.gain_train FOLDER --out FILE` reads the cells that
`gain_plan` wrote to FOLDER and adds one JSON line an arm to FILE; what stands there is not done
again. On a GPU hundreds of models train at once; `--part 0/2` shares the models among processes.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch

from bench.solve.gain_cells import Arm, Cell, Pixels, read_cell
from bench.solve.gain_stack import Task, correct, trained

STACKED = {"cuda": 128, "cpu": 1}  # models trained at once


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--part", default="0/1", help="which of how many, as 0/2")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--only", default="", help="cells whose names start with this")
    given = parser.parse_args()
    torch.set_num_threads(1)
    own, of = (int(each) for each in given.part.split("/"))
    files = sorted(given.folder.glob(f"{given.only}*-*.npz"))
    work(files, read_originals(given.folder), given.out, given.device, (own, of))


def read_originals(folder: Path) -> Pixels:
    """Return the table of originals (70,000, 784), zero where the split does not use them."""
    with np.load(folder / "originals.npz") as kept:
        table = np.zeros((70_000, 784), dtype=np.uint8)
        table[kept["rows"]] = kept["pixels"]
    return table


def work(
    files: list[Path], originals: Pixels, out: Path, device: str, part: tuple[int, int] = (0, 1)
) -> None:
    """Train what is not yet in `out`, as many models at once as the device takes."""
    done = _done(out)
    cells = [read_cell(file, originals) for file in files]
    table, tasks = _tasks(cells, originals)
    every = [
        (cell, place, task)
        for cell, arms in zip(cells, tasks, strict=True)
        for place, task in enumerate(arms)
    ]
    waiting: dict[int, list[tuple[Cell, int, Task]]] = defaultdict(list)
    for cell, place, task in every[part[0] :: part[1]]:
        if (cell.name, cell.facts["engine"], *_key(cell.arms[place])) not in done:
            waiting[task.steps].append((cell, place, task))
    held = torch.from_numpy(table).to(device)
    size, start = STACKED[device], time.perf_counter()
    total, trained_so_far = sum(map(len, waiting.values())), 0
    for jobs in waiting.values():
        for first in range(0, len(jobs), size):
            stack = jobs[first : first + size]
            _record(stack, held, out)
            trained_so_far += len(stack)
            seconds = time.perf_counter() - start
            print(f"{trained_so_far} of {total} models, {seconds:.0f} s", flush=True)


def _record(jobs: list[tuple[Cell, int, Task]], table: torch.Tensor, out: Path) -> None:
    start = time.perf_counter()
    tasks = [task for _, _, task in jobs]
    right = correct(trained(tasks, table), tasks, table)
    seconds = (time.perf_counter() - start) / len(jobs)
    lines = []
    for (cell, place, _), own in zip(jobs, right, strict=True):
        arm, member = cell.arms[place], _held_out(cell, cell.member)
        assigned = _held_out(cell, cell.assigned)
        lines.append({
            "cell": cell.name, "arm": arm.name, "weight": arm.weight, "added": len(arm.added),
            "hits": int(_pool(cell, cell.member)[arm.added].sum()),
            "inside": float(own[member].mean()), "rest": float(own[~member].mean()),
            "assigned": int(assigned.sum()),
            "aggressor": float(own[assigned].mean()) if assigned.any() else None,
            "seconds": round(seconds, 3), "device": table.device.type, **cell.facts,
        })  # fmt: skip
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


def _tasks(cells: list[Cell], originals: Pixels) -> tuple[Pixels, list[list[Task]]]:
    """One table of pictures for all cells, the originals first; and the tasks of each cell."""
    parts, tasks, end = [originals], [], len(originals)
    for cell in cells:
        rows = cell.original.copy()
        rows[cell.altered] = end + np.arange(len(cell.altered))
        parts.append(cell.pixels)
        end += len(cell.pixels)
        tasks.append([_task(cell, rows, place) for place in range(len(cell.arms))])
    return np.concatenate(parts), tasks


def _task(cell: Cell, rows: np.ndarray, place: int) -> Task:
    arm, n = cell.arms[place], cell.sizes[0]
    added = n + cell.sizes[1] + np.array(arm.added, dtype=np.int64)
    chosen = np.concatenate([np.arange(n), added])
    weight = np.concatenate([np.ones(n), np.full(len(added), arm.weight)]).astype(np.float32)
    return Task(
        cell.seed, cell.n_labels, rows[chosen], cell.label[chosen], weight,
        _held_out(cell, rows), _held_out(cell, cell.label),
    )  # fmt: skip


def _held_out(cell: Cell, values: np.ndarray) -> np.ndarray:
    return values[cell.sizes[0] : cell.sizes[0] + cell.sizes[1]]


def _pool(cell: Cell, values: np.ndarray) -> np.ndarray:
    return values[cell.sizes[0] + cell.sizes[1] :]


def _key(arm: Arm) -> tuple[str, float]:
    return arm.name, arm.weight


def _done(out: Path) -> set[tuple[str, str, str, float]]:
    if not out.exists():
        return set()
    lines = [json.loads(line) for line in out.read_text().splitlines() if line.strip()]
    return {(line["cell"], line["engine"], line["arm"], line["weight"]) for line in lines}


if __name__ == "__main__":
    main()
