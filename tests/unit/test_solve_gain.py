"""The bench of the gain: its ways of choosing, its stacked training and its files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.solve.gain_arms import at_random, by_centroid, by_core_set, by_entropy
from bench.solve.gain_cells import Arm, Cell, read_cell, write_cell
from bench.solve.gain_judge import ahead, default_weight, judged, of_ceiling
from bench.solve.page import write_section


def test_entropy_takes_the_least_sure_first() -> None:
    probabilities = np.array([[0.9, 0.1], [0.5, 0.5], [0.3, 0.7]])
    assert by_entropy(probabilities, 2).tolist() == [1, 2]


def test_core_set_takes_what_lies_farthest_from_all_that_is_chosen() -> None:
    labeled = np.array([[0.0, 0.0]])
    pool = np.array([[1.0, 0.0], [10.0, 0.0], [9.5, 0.0], [-6.0, 0.0]])
    # 10 is farthest from 0; then -6 (9.5 lies beside 10); then 1
    assert by_core_set(pool, labeled, 3).tolist() == [1, 3, 0]


def test_centroid_takes_the_most_similar_to_the_members_mean() -> None:
    labeled = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    member = np.array([True, False, False, False])
    pool = np.array([[-2.0, 0.0], [3.0, 0.1], [1.0, 1.0]])
    assert by_centroid(pool, labeled, member, 3).tolist() == [1, 2, 0]


def test_random_draws_without_repeating_and_by_its_seed() -> None:
    drawn = at_random(50, 20, seed=3)
    assert len(set(drawn.tolist())) == 20
    assert drawn.tolist() == at_random(50, 20, seed=3).tolist()
    assert drawn.tolist() != at_random(50, 20, seed=4).tolist()


def cell(rng: np.random.Generator, originals: np.ndarray) -> Cell:
    altered = np.array([1, 4, 7])
    return Cell(
        name="turned-1", seed=1, n_labels=4, original=rng.permutation(30)[:10],
        label=rng.integers(0, 4, 10), member=rng.random(10) < 0.5,
        assigned=rng.random(10) < 0.5, sizes=(4, 3, 3),
        altered=altered, pixels=rng.integers(0, 256, (3, 784), dtype=np.uint8),
        arms=(Arm("before", [], 1.0), Arm("ours 100", [0, 2], 3.0)), facts={"f1": 0.5},
    )  # fmt: skip


@pytest.mark.parametrize("marked", [False, True], ids=["other pictures", "a mark added"])
def test_a_cell_is_read_back_as_written(tmp_path: Path, marked: bool) -> None:
    rng = np.random.default_rng(0)
    originals = rng.integers(0, 256, (30, 784), dtype=np.uint8)
    written = cell(rng, originals)
    if marked:  # a mark that runs over 255 is told modulo 256
        written.pixels[:] = originals[written.original[written.altered]]
        written.pixels[:, :5] += 200
    write_cell(written, originals, tmp_path / "cell.npz")
    found = read_cell(tmp_path / "cell.npz", originals)
    for name in ("original", "label", "member", "assigned", "altered", "pixels"):
        np.testing.assert_array_equal(getattr(found, name), getattr(written, name))
    assert (found.arms, found.sizes, found.facts) == (written.arms, written.sizes, written.facts)
    assert (found.name, found.seed, found.n_labels) == ("turned-1", 1, 4)


@pytest.mark.torch
def test_a_stack_trains_each_model_as_it_would_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from bench.discovery.networks import convolutional, train
    from bench.solve.gain_stack import RATE, WIDTH, Task, correct, trained

    monkeypatch.setattr("bench.solve.gain_stack.EPOCHS", 1)  # noise grows with every step
    rng = np.random.default_rng(0)
    table = torch.from_numpy(rng.integers(0, 256, (300, 784), dtype=np.uint8))
    tasks = [
        Task(seed, 4, rng.permutation(300)[:260], rng.integers(0, 4, 260),
             np.ones(260, np.float32), np.arange(20), rng.integers(0, 4, 20))
        for seed in (1, 2)
    ]  # fmt: skip
    found = trained(tasks, table)
    for place, task in enumerate(tasks):
        alone = convolutional(1, WIDTH, 4, task.seed)
        pictures = table[task.pictures].reshape(-1, 1, 28, 28).numpy().astype(np.float32) / 255
        train(alone, pictures, task.label, 1, task.seed, RATE)
        for name, value in alone.state_dict().items():
            own = found[name][place]
            own = own[:4] if name.startswith("head") else own
            # where a gradient is nearly nothing, its sign is the noise of the sums
            assert (own - value).abs().mean() < 1e-5
    right = correct(found, tasks, table)
    assert right.shape == (2, 20)


@pytest.mark.torch
def test_weights_count_beside_one_another() -> None:
    import torch

    from bench.solve.gain_stack import Task, trained

    rng = np.random.default_rng(0)
    table = torch.from_numpy(rng.integers(0, 256, (10, 784), dtype=np.uint8))
    rows, label = np.repeat(np.arange(10), 13)[:128], np.repeat(np.arange(10) % 4, 13)[:128]
    ones, twos = np.ones(128, np.float32), np.full(128, 2, np.float32)

    def parameters(weight: np.ndarray) -> dict[str, torch.Tensor]:
        judged = np.arange(2)
        return trained([Task(1, 4, rows, label, weight, judged, judged)], table)

    same, other = parameters(ones), parameters(twos)
    # the optimizer does not see the scale of a loss, so that equal weights change next to nothing
    torch.testing.assert_close(same["head.bias"], other["head.bias"], rtol=1e-2, atol=1e-3)
    half = np.where(np.arange(128) < 64, 10, 1).astype(np.float32)
    uneven = parameters(half)
    assert not torch.allclose(same["head.bias"], uneven["head.bias"], rtol=1e-2, atol=1e-3)


@pytest.mark.torch
def test_both_ways_to_convolve_agree() -> None:
    import torch

    from bench.solve.gain_stack import as_products, one_by_one

    torch.manual_seed(0)
    x, weight, bias = torch.rand(3, 2, 5, 8, 8), torch.rand(3, 4, 2, 3, 3), torch.rand(3, 4)
    torch.testing.assert_close(as_products(x, weight, bias), one_by_one(x, weight, bias))


@pytest.mark.torch
def test_stacked_models_need_equally_many_steps() -> None:
    import torch

    from bench.solve.gain_stack import Task, trained

    none = np.arange(1)
    tasks = [
        Task(1, 4, np.zeros(n, np.int64), np.zeros(n, np.int64), np.ones(n, np.float32), none, none)
        for n in (128, 256)
    ]
    with pytest.raises(ValueError, match="equally many steps"):
        trained(tasks, torch.zeros(1, 784, dtype=torch.uint8))


def lines(cell: str, name: str, before: tuple[float, float], arms: dict) -> list[dict]:
    """`arms` holds (inside, rest, hits of 100) by (arm, weight)."""
    common = {"cell": cell, "slice": name, "kind": "rare", "f1": 0.8, "engine": "e", "found": True,
              "split": "reporting"}  # fmt: skip
    told = [{**common, "arm": "before", "weight": 1.0, "inside": before[0], "rest": before[1],
             "added": 0, "hits": 0, "aggressor": before[0]}]  # fmt: skip
    return told + [
        {**common, "arm": arm, "weight": weight, "inside": inside, "rest": rest, "added": 100,
         "hits": hits, "aggressor": inside}
        for (arm, weight), (inside, rest, hits) in arms.items()
    ]  # fmt: skip


def test_closed_is_the_share_of_the_gap_before() -> None:
    # gap .8 - .4: .6 closes half; the other cell's .3 falls below, by more than the gap
    first = lines("a-1", "a", (0.4, 0.8), {("ours 100", 3.0): (0.6, 0.79, 90)})
    second = lines("b-1", "b", (0.5, 0.7), {("ours 100", 3.0): (0.2, 0.71, 30)})
    arms, left_out = judged(first + second)
    own = arms[("ours 100", 3.0)]
    np.testing.assert_allclose(own.closed, [0.5, -1.5])
    np.testing.assert_allclose(own.capped, [0.5, -1.0])
    np.testing.assert_allclose(own.rest_change, [-1.0, 1.0])
    np.testing.assert_allclose(own.hits, [0.9, 0.3])
    assert left_out == []


def test_a_cell_with_next_to_no_gap_is_left_out_and_named() -> None:
    arms, left_out = judged(
        lines("a-1", "a", (0.4, 0.8), {("random", 3.0): (0.4, 0.8, 2)})
        + lines("b-1", "b", (0.66, 0.8), {("random", 3.0): (0.9, 0.8, 2)})
    )
    assert left_out == ["b-1"]
    assert arms[("random", 3.0)].settings.tolist() == ["a"]


def test_cells_without_all_arms_do_not_count() -> None:
    both = {("random", 3.0): (0.4, 0.8, 2), ("ours 100", 3.0): (0.6, 0.8, 90)}
    told = lines("a-1", "a", (0.4, 0.8), both)
    told += lines("b-1", "b", (0.4, 0.8), {("random", 3.0): (0.4, 0.8, 2)})
    wanted = [("random", 3.0), ("ours 100", 3.0)]
    arms, left_out = judged(told, wanted)
    assert [arms[key].cells.tolist() for key in wanted] == [["a-1"], ["a-1"]]
    assert left_out == []
    assert judged(told, [("random", 3.0)])[0][("random", 3.0)].cells.tolist() == ["a-1", "b-1"]
    assert judged(told, [("ceiling", 3.0)]) == ({}, [])


def test_paired_difference_and_share_of_the_ceiling() -> None:
    told = []
    for name, ours, other in (("a", 0.7, 0.6), ("b", 0.6, 0.7), ("c", 0.8, 0.4)):
        told += lines(f"{name}-1", name, (0.4, 0.8), {
            ("ours 100", 3.0): (ours, 0.8, 90), ("centroid", 3.0): (other, 0.8, 60),
            ("ceiling", 3.0): (0.8, 0.8, 100)})  # fmt: skip
    arms, _ = judged(told)
    own, other, ceiling = (arms[(arm, 3.0)] for arm in ("ours 100", "centroid", "ceiling"))
    difference, won, lost = ahead(own, other)
    # closed .75, .5, 1 against .5, .75, 0
    assert difference.value == pytest.approx((0.25 - 0.25 + 1) / 3)
    assert (won, lost) == (2, 1)
    assert of_ceiling(own, ceiling).value == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("light", "heavy", "rest", "weight"),
    [(0.60, 0.62, 0.8, 5.0), (0.60, 0.605, 0.8, 3.0), (0.60, 0.62, 0.797, 3.0)],
    ids=["closes more", "closes hardly more", "costs too much elsewhere"],
)
def test_the_default_weight_follows_its_rule(
    light: float, heavy: float, rest: float, weight: float
) -> None:
    told = lines("a-1", "a", (0.4, 0.8), {
        ("ours 100", 3.0): (light, 0.8, 90), ("ours 100", 5.0): (heavy, rest, 90)})  # fmt: skip
    assert default_weight(judged(told)[0]) == weight


def test_a_section_is_replaced_and_others_stay(tmp_path: Path) -> None:
    file = tmp_path / "solve.md"
    write_section(file, "gain", "old")
    write_section(file, "other", "kept")
    write_section(file, "gain", "new")
    text = file.read_text()
    assert "old" not in text
    assert text.index("new") < text.index("kept")
    assert text.count("written by") == 2


def test_what_the_engine_counts_to_the_aggressor_is_judged_apart() -> None:
    told = lines("a-1", "a", (0.4, 0.8), {("ours 100", 3.0): (0.6, 0.8, 90)})
    told += lines("b-1", "b", (0.4, 0.8), {("ours 100", 3.0): (0.6, 0.8, 90)})
    told += lines("c-1", "c", (0.4, 0.8), {("ours 100", 3.0): (0.6, 0.8, 90)})
    for line, value in zip(told, (0.2, 0.5, 0.7, 0.75, None, None), strict=True):
        line["aggressor"] = value
    arms, _ = judged(told)
    # a: .3 of .6; b: a gap of .1 is too small; c: no aggressor was found
    np.testing.assert_allclose(arms[("ours 100", 3.0)].of_aggressor, [0.5, np.nan, np.nan])


@pytest.mark.torch
def test_arms_come_by_importance_and_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    from bench.solve.gain_train import finished, jobs_of, next_stack

    rng = np.random.default_rng(0)
    originals = rng.integers(0, 256, (30, 784), dtype=np.uint8)
    arms = (Arm("ours 100", [0, 2], 3.0), Arm("before", [], 1.0), Arm("ceiling", [1], 5.0))
    first = replace(cell(rng, originals), arms=arms, facts={"engine": "e"})
    table, jobs = jobs_of([[first, replace(first, name="cut-2", seed=2)]], originals)
    found = [(job.cell.name, job.arm.name) for job in jobs]
    assert found == [("turned-1", "before"), ("turned-1", "ours 100"),
                     ("cut-2", "before"), ("cut-2", "ours 100")]  # fmt: skip
    np.testing.assert_array_equal(table[30:33], first.pixels)
    # of four in train, those at 1 are altered; of the pool (7, 8, 9), 7 is
    assert jobs[1].task.pictures[[1, 4]].tolist() == [30, 32]
    assert jobs[1].task.weight.tolist() == [1, 1, 1, 1, 3, 3]
    assert len(next_stack(jobs, 3)) == 3
    file = tmp_path / "out.jsonl"
    line = json.dumps({"cell": "cut-2", "engine": "e", "arm": "before", "weight": 1.0})
    file.write_text(f"{line}\n{line[:20]}")
    assert finished([file, tmp_path / "none"]) == {jobs[2].key}
