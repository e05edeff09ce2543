"""Train and judge the arms of the planned cells; needs numpy and torch, nothing of the engine.

`PYTHONPATH=tests python -m bench.solve.gain_train FOLDER --out FILE` reads the cells that
`gain_plan` wrote to FOLDER, or to several, and adds one JSON line an arm to FILE. What stands there
is not done again, nor what stands in files named by `--also`: so a GPU, on which hundreds of models
train at once, and processors share the work, the latter with `--part 0/2 --last-first`.
The arms that are compared come first, seed after seed; `--seconds` may cut off the rest.
"""

from __future__ import annotations

import argparse
import glob
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from bench.solve.gain_cells import Arm, Cell, Pixels, read_cell
from bench.solve.gain_stack import Task, correct, trained

STACKED = {"cuda": 128, "cpu": 1}  # models trained at once
IMPORTANCE = (
    ("before", 1.0), ("ours 100", 3.0), ("ceiling", 3.0), ("random", 3.0), ("centroid", 3.0),
    ("entropy", 3.0), ("core-set", 3.0), ("ours 50", 3.0), ("ours 200", 3.0), ("known", 3.0),
    ("ours 100", 5.0), ("ours 100", 1.0), ("random", 5.0), ("random", 1.0), ("ours 100", 10.0),
    ("ours 100", 2.0), ("random", 10.0), ("random", 2.0),
)  # fmt: skip
COMPARED = 9  # the first so many are trained seed after seed: a cell that lacks one is no use


@dataclass(frozen=True, eq=False)
class Job:
    """One arm of one cell, to be trained."""

    cell: Cell
    arm: Arm
    task: Task

    @property
    def key(self) -> tuple[str, str, str, float]:
        """What the line of the result is known by."""
        return self.cell.name, str(self.cell.facts["engine"]), self.arm.name, self.arm.weight


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--also", default="", help="pattern of further results, not to do again")
    parser.add_argument("--part", default="0/1", help="which of how many, as 0/2")
    parser.add_argument("--last-first", action="store_true", help="begin at the least important")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--only", default="", help="cells whose names start with this")
    parser.add_argument("--seconds", type=float, default=np.inf, help="begin nothing after these")
    given = parser.parse_args()
    start = time.perf_counter()
    torch.set_num_threads(1)
    originals = read_originals(given.folders)
    files = [sorted(folder.glob(f"{given.only}*-*.npz")) for folder in given.folders]
    cells = [[read_cell(file, originals) for file in some] for some in files]
    table, jobs = jobs_of(cells, originals)
    own, of = (int(each) for each in given.part.split("/"))
    jobs = (jobs[::-1] if given.last_first else jobs)[own::of]
    held = torch.from_numpy(table).to(given.device)
    count = 0
    while time.perf_counter() - start < given.seconds:
        done = finished([given.out, *map(Path, glob.glob(given.also))])
        stack = next_stack([job for job in jobs if job.key not in done], STACKED[given.device])
        if not stack:
            break
        record(stack, held, given.out)
        count += len(stack)
        print(f"{count} models, {time.perf_counter() - start:.0f} s", flush=True)


def read_originals(folders: list[Path]) -> Pixels:
    """Return the table of originals (70,000, 784), zero where no split uses them."""
    table = np.zeros((70_000, 784), dtype=np.uint8)
    for folder in folders:
        with np.load(folder / "originals.npz") as kept:
            table[kept["rows"]] = kept["pixels"]
    return table


def jobs_of(cells: list[list[Cell]], originals: Pixels) -> tuple[Pixels, list[Job]]:
    """One table of pictures, the originals first; and the jobs, by folder and importance."""
    parts, end, jobs = [originals], len(originals), []

    def importance(job: Job) -> tuple[bool, int, int, str]:
        place = IMPORTANCE.index((job.arm.name, job.arm.weight))
        return place >= COMPARED, job.cell.seed, place, job.cell.name

    for folder in cells:
        own = []
        for cell in folder:
            rows = cell.original.copy()
            rows[cell.altered] = end + np.arange(len(cell.altered))
            parts.append(cell.pixels)
            end += len(cell.pixels)
            wanted = [arm for arm in cell.arms if (arm.name, arm.weight) in IMPORTANCE]
            own += [Job(cell, arm, _task(cell, rows, arm)) for arm in wanted]
        jobs += sorted(own, key=importance)
    return np.concatenate(parts), jobs


def next_stack(waiting: list[Job], size: int) -> list[Job]:
    """Return the first job and those that can train beside it, by equally many steps."""
    return [job for job in waiting if job.task.steps == waiting[0].task.steps][:size]


def record(jobs: list[Job], table: torch.Tensor, out: Path) -> None:
    """Train, judge and write one line a job."""
    start = time.perf_counter()
    tasks = [job.task for job in jobs]
    right = correct(trained(tasks, table), tasks, table)
    seconds = (time.perf_counter() - start) / len(jobs)
    lines = [
        _line(job, own) | {"seconds": round(seconds, 3), "device": table.device.type}
        for job, own in zip(jobs, right, strict=True)
    ]
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


def _line(job: Job, right: np.ndarray) -> dict[str, object]:
    """Accuracies of held out: in the planted slice, in the rest, in the aggressor."""
    cell, arm = job.cell, job.arm
    member, assigned = held_out(cell, cell.member), held_out(cell, cell.assigned)
    pool = cell.member[sum(cell.sizes[:2]) :]
    return {
        "cell": cell.name, "arm": arm.name, "weight": arm.weight, "added": len(arm.added),
        "hits": int(pool[arm.added].sum()),
        "inside": float(right[member].mean()), "rest": float(right[~member].mean()),
        "assigned": int(assigned.sum()),
        "aggressor": float(right[assigned].mean()) if assigned.any() else None,
        **cell.facts,
    }  # fmt: skip


def _task(cell: Cell, rows: np.ndarray, arm: Arm) -> Task:
    n = cell.sizes[0]
    added = n + cell.sizes[1] + np.array(arm.added, dtype=np.int64)
    chosen = np.concatenate([np.arange(n), added])
    weight = np.concatenate([np.ones(n), np.full(len(added), arm.weight)]).astype(np.float32)
    return Task(
        cell.seed, cell.n_labels, rows[chosen], cell.label[chosen], weight,
        held_out(cell, rows), held_out(cell, cell.label),
    )  # fmt: skip


def held_out(cell: Cell, values: np.ndarray) -> np.ndarray:
    """Take the held-out part of an array over the cell's pictures."""
    return values[cell.sizes[0] : cell.sizes[0] + cell.sizes[1]]


def finished(files: list[Path]) -> set[tuple[str, str, str, float]]:
    """Read the keys of what is done; a line that is being written does not count."""
    done = set()
    for file in files:
        for text in file.read_text().split("\n")[:-1] if file.exists() else ():
            line = json.loads(text)
            done.add((line["cell"], line["engine"], line["arm"], line["weight"]))
    return done


if __name__ == "__main__":
    main()
