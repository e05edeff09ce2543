"""Does the search for what got worse stay silent without a change, and find what was planted?

    PYTHONPATH=tests python -m bench.track.bench_worse DEMO MODELS.npz --models 12:22

DEMO is a demo workspace, MODELS.npz is what `retrain` trained from other seeds on its pictures. The
bar (`slicing.worse.MATERIAL`) was set on the models 0 to 8; 12 to 21 report.

Beside it stands a bare baseline: every label and every readable condition, tested on all samples by
a paired t-test with Bonferroni's correction.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path

import numpy as np
import pyarrow as pa

from aggressors.slicing.literals import holds, label_condition, literals
from aggressors.stages.frame import Frame
from aggressors.stages.protocol import Context
from aggressors.stages.searching import own_fields
from aggressors.stats.worsening import mean_changes
from aggressors.store.derive import read_tables
from aggressors.store.read import open_run
from aggressors.store.workspace import Workspace
from aggressors.worsening import search_worse

RESULT = Path(__file__).parents[1] / "results" / "track_worse.json"
HALF = 0.5  # F1 from which what was planted counts as found
SHARES = (0.15, 0.3, 0.6)  # of what was right in a planted group, that is broken
TIMES = {"retrained": 1, "exchanged": 200, "planted": 10}
FIRST = 3  # ranks among which it must be


@dataclass(frozen=True, eq=False)
class World:
    """The demo's held-out samples, and (m, n) loss and embedding (m, n, d) of trained models."""

    frame: Frame
    own: frozenset[str]
    loss: np.ndarray
    wrong: np.ndarray
    embedding: np.ndarray

    @classmethod
    def read(cls, workspace: Path, models: Path) -> World:
        with open_run(Workspace.open(workspace).resolve("v2")) as run, np.load(models) as kept:
            rows = pa.array(kept["rows"])
            tables = {
                name: table if name == "metadata_fields" else table.take(rows)
                for name, table in read_tables(
                    run, ["samples", "metadata", "metadata_fields"]
                ).items()
            }
            context = Context(run.info.settings, run.classes, run.info.task)
            frame = Frame.from_tables(tables, context)
            return cls(
                frame,
                own_fields(tables),
                kept["loss"],
                kept["prediction"] != frame.label,
                kept["embedding"].astype(np.float32),
            )

    def ours(self, new: np.ndarray, old: int, reference: np.ndarray) -> list[np.ndarray]:
        """(n,) members of each group found, the first first."""
        frame = replace(self.frame, signal=new - reference, embedding=self.embedding[old])
        return [each.member for each in search_worse(frame, self.own, reference)[0].reported]

    def bare(self, new: np.ndarray, old: int, reference: np.ndarray) -> list[np.ndarray]:
        """(n,) samples of each condition that is worse, the surest first; nothing is held out."""
        frame = self.frame
        rows = np.flatnonzero(frame.analysed)
        members = self._conditions
        found = mean_changes((new - reference)[rows], members[:, rows])
        passed = np.flatnonzero(found.p_value * len(members) <= 0.05)
        return [members[at] for at in passed[np.argsort(found.p_value[passed], kind="stable")]]

    @property
    def _conditions(self) -> np.ndarray:
        if not hasattr(self, "_made"):
            points = _points(self.frame)
            wanted = [label_condition([code], points) for code in range(len(self.frame.classes))]
            wanted += literals(points, 2 * self.frame.settings.min_size)
            object.__setattr__(self, "_made", np.array([holds(one, points) for one in wanted]))
        return self._made  # type: ignore[attr-defined,no-any-return]


def _points(frame: Frame):
    from aggressors.slicing.points import Points

    return Points(np.empty((len(frame), 0)), frame.label, None, frame.classes, frame.fields)


Way = Callable[[np.ndarray, int, np.ndarray], list[np.ndarray]]


def retrained(world: World, models: list[int], way: Way) -> list[tuple[float, float] | None]:
    """Another seed of the same training: what is called worse first, if anything.

    Of that the mean change on the analysed half that judged it, and on the test population, which
    nobody looked at: where both are above 0, the two trainings do differ there.
    """
    judging = world.frame.confirm
    unseen = world.frame.in_population("test")
    found: list[tuple[float, float] | None] = []
    for new, old in permutations(models, 2):
        held = way(world.loss[new], old, world.loss[old])
        change = world.loss[new] - world.loss[old]
        found.append(
            (float(change[held[0] & judging].mean()), float(change[held[0] & unseen].mean()))
            if held
            else None
        )
    return found


def exchanged(world: World, models: list[int], way: Way, times: int) -> list[bool]:
    """Both losses of each sample change places by lot, so that neither model is worse anywhere."""
    found = []
    pairs = list(permutations(models, 2))
    for draw in range(times):
        rng = np.random.default_rng([draw, *models])
        one, two = pairs[rng.integers(len(pairs))]
        turned = rng.random(len(world.frame)) < 0.5
        new = np.where(turned, world.loss[one], world.loss[two])
        old = np.where(turned, world.loss[two], world.loss[one])
        found.append(bool(way(new, two, old)))
    return found


def plantings(world: World) -> Iterator[tuple[str, np.ndarray]]:
    """Name groups in which a model may get worse; (n,) members. No threshold is a readable one."""
    field = {one.name: one for one in world.frame.fields}
    label, names = world.frame.label, list(world.frame.classes)

    def number(name: str) -> np.ndarray:
        values = field[name].numbers
        assert values is not None
        return np.nan_to_num(values, nan=np.nanmedian(values))

    def is_(name: str, value: str) -> np.ndarray:
        entry = field[name]
        assert entry.codes is not None
        return np.asarray(entry.codes == entry.categories.index(value))

    yield "dark", number("brightness") < 0.193
    yield "one label", label == names.index("sandal")
    yield "one operator", is_("operator", "op-07")
    yield "evenings", number("hour") >= 19
    yield (
        "blurred shoes",
        (number("sharpness") < 0.87)
        & np.isin(label, [names.index(one) for one in ("sandal", "sneaker", "ankle boot")]),
    )


def planted(
    world: World, models: list[int], way: Way, share: float, times: int
) -> dict[str, list[bool]]:
    """Break a share of what was right inside a group; whether it is found among the first."""
    pairs = list(permutations(models, 2))
    found: dict[str, list[bool]] = {}
    for place, (name, member) in enumerate(plantings(world)):
        for draw in range(times):
            rng = np.random.default_rng([draw, place, round(100 * share), *models])
            new, old = pairs[rng.integers(len(pairs))]
            loss = world.loss[new].copy()
            broken = member & ~world.wrong[new] & (rng.random(len(loss)) < share)
            loss[broken] = rng.choice(loss[world.wrong[new]], int(broken.sum()))
            held = way(loss, old, world.loss[old])[:FIRST]
            scores = [
                2 * float((one & member).sum()) / float(one.sum() + member.sum()) for one in held
            ]
            found.setdefault(name, []).append(max(scores, default=0.0) >= HALF)
    return found


def interval(found: list[bool]) -> list[float]:
    """Share with Wilson's 95 % interval."""
    from aggressors.stats.intervals import wilson

    share = np.array([np.mean(found)])
    low, high = wilson(share, np.array([float(len(found))]), level=0.95)
    return [round(float(one[0]), 4) for one in (share, low, high)]


def measured(world: World, models: list[int], way: Way, part: str, times: int) -> object:
    """One part of the bench for one way of searching."""
    if part == "planted":
        return {
            f"{share:.0%} broken": {
                group: interval(hits)
                for group, hits in planted(world, models, way, share, times).items()
            }
            for share in SHARES
        }
    if part == "exchanged":
        silent = exchanged(world, models, way, times)
        return {"n": len(silent), "false_alarms": interval(silent)}
    started = time.process_time()
    told = retrained(world, models, way)
    alarms = [one for one in told if one is not None]
    return {
        "n": len(told),
        "false_alarms": interval([one is not None for one in told]),
        "models_that_raise_one": len(
            {at // (len(models) - 1) for at, one in enumerate(told) if one}
        ),
        "worse_on_test_too": interval([unseen > 0 for _, unseen in alarms]) if alarms else None,
        "change_claimed": round(float(np.mean([one for one, _ in alarms])), 3) if alarms else None,
        "change_on_test": round(float(np.mean([one for _, one in alarms])), 3) if alarms else None,
        "cpu_seconds_a_pair": round((time.process_time() - started) / len(told), 3),
    }


def main() -> None:
    """Measure the parts that are asked for, and put them beside the others in the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("models", type=Path)
    parser.add_argument("--models", dest="which", default="12:22", help="first and last, as 12:22")
    parser.add_argument("--parts", nargs="+", default=list(TIMES), choices=list(TIMES))
    parser.add_argument("--times", type=int, help="how often, where the part is drawn by lot")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    world = World.read(given.workspace, given.models)
    models = list(range(*map(int, given.which.split(":"))))
    analysed = world.frame.analysed
    result = json.loads(given.out.read_text(encoding="utf-8")) if given.out.exists() else {}
    result |= {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {platform.system()}, 2 cores, shared",
        "models": models,
        "samples": int(analysed.sum()),
        "right": round(float(1 - world.wrong[models][:, analysed].mean()), 4),
        "sizes": {name: int((member & analysed).sum()) for name, member in plantings(world)},
    }
    for name, way in (("bare", world.bare), ("ours", world.ours)):
        told = result.setdefault(name, {})
        for part in given.parts:
            told[part] = measured(world, models, way, part, given.times or TIMES[part])
            given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
            print(name, part, json.dumps(told[part]), flush=True)


if __name__ == "__main__":
    main()
