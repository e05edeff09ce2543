"""What a training script reads of a label queue, and that the guide's examples run."""

import re
import warnings
from pathlib import Path

import pyarrow as pa
import pytest

import aggressors as ag
from aggressors.labeling import WEIGHT
from aggressors.queries.queued import picks
from aggressors.store.workspace import Workspace
from queried import ODD, queried

GUIDE = Path(__file__).parents[2] / "docs" / "4-solve.md"
IDS = [f"unlabeled-{place:04d}" for place in (299, 298, 297, 296)]


@pytest.fixture
def place(tmp_path):
    workspace = Workspace.open(tmp_path / "workspace", create=True)
    found = queried(workspace.runs)
    queue = workspace.label_queue("to-label")
    queue.add(picks(found.run, IDS, rank=1))
    found.run.close()
    queue.mark(IDS[1:2], "labeled", labels="wide boot", of_group=False, by="Ann")
    queue.mark(IDS[:1], "labeled", labels="coat", of_group=True, by="Ben")
    queue.mark(IDS[2:3], "rejected", why="unusable")
    return workspace


@pytest.fixture(scope="module")
def frame(tmp_path_factory):
    found = queried(tmp_path_factory.mktemp("runs"))
    found.run.close()
    return found.frame.set_index("sample_id")


def test_labels_come_with_their_samples_in_the_order_of_the_queue(place, frame):
    found = ag.labeled("to-label", place.root)
    assert found["sample_id"].to_pylist() == IDS[:2]
    assert found["label"].to_pylist() == ["coat", "wide boot"]
    assert found["weight"].to_pylist() == [WEIGHT, WEIGHT]
    assert found["by"].to_pylist() == ["Ben", "Ann"]
    assert found["group"].to_pylist() == ["group 1"] * 2
    assert found["uri"].to_pylist() == [f"{one}.jpg" for one in IDS[:2]]
    assert all(found["thumbnail"].to_pylist())
    for field in ("hour", ODD):
        assert found[field].to_pylist() == [frame.loc[one, field] for one in IDS[:2]]
    assert len(set(found.column_names)) == len(found.column_names)
    assert not {"prediction", "loss", "confidence", "rank"} & set(found.column_names)


def test_weight_and_kind_are_chosen(place, monkeypatch):
    monkeypatch.setenv("AGGRESSORS_WORKSPACE", str(place.root))
    found = ag.labeled("to-label", weight=5, only_such=True)
    assert found["sample_id"].to_pylist() == IDS[:1]
    assert found["weight"].to_pylist() == [5.0]
    for wrong in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ag.UsageError, match="weight must be a number above 0"):
            ag.labeled("to-label", weight=wrong)


def test_a_queue_that_is_not_there_is_told_and_an_empty_one_is_empty(place):
    with pytest.raises(ag.UsageError, match="no label queue 'dusk'; there are: to-label"):
        ag.labeled("dusk", place.root)
    place.label_queue("dusk").add(pa.table({"sample_id": ["x"]}))
    found = ag.labeled("dusk", place.root)
    assert found.num_rows == 0
    assert found.column_names[:3] == ["sample_id", "label", "weight"]


def test_labels_outlive_their_run_and_a_damaged_batch_which_is_warned_of(place):
    queue = place.label_queue("to-label")
    queue.add(pa.table({"sample_id": ["x", "y"], "run_id": ["gone", "../evil"]}))
    queue.mark(["x", "y"], "labeled", labels="coat")
    with pytest.warns(UserWarning, match="come without their media"):
        found = ag.labeled("to-label", place.root)
    assert found["sample_id"].to_pylist() == [*IDS[:2], "x", "y"]
    assert found["uri"].to_pylist()[1:] == [f"{IDS[1]}.jpg", None, None]
    (queue.folder / "0-broken.parquet").write_bytes(b"PAR1")
    for run in place.runs.iterdir():
        run.unlink()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        found = ag.labeled("to-label", place.root)
    assert any("is no label batch" in str(one.message) for one in warned)
    assert found["label"].to_pylist() == ["coat", "wide boot", "coat", "coat"]
    assert "uri" not in found.column_names


def test_a_label_is_a_number_where_the_run_predicts_one(place, monkeypatch):
    queue = place.label_queue("to-label")
    queue.mark(IDS[:2], "labeled", labels=["3.5", "-2"])
    monkeypatch.setattr("aggressors.store.read._read_classes", lambda connection: ())
    assert ag.labeled("to-label", place.root)["label"].to_pylist() == [3.5, -2.0]


def examples():
    return re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)


def test_the_script_of_the_guide_reads_the_labels(place, monkeypatch, capsys):
    monkeypatch.setenv("AGGRESSORS_WORKSPACE", str(place.root))
    (script,) = (one for one in examples() if "ag.labeled" in one)
    exec(script, {})
    assert len(script.strip().splitlines()) <= 6
    assert f"{IDS[0]} coat 3.0 {IDS[0]}.jpg" in capsys.readouterr().out


@pytest.mark.torch
def test_the_weights_of_the_guide_pull_a_model_of_torch(place):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    (script,) = (one for one in examples() if "WeightedRandomSampler" in one)
    added = ag.labeled("to-label", place.root, weight=50)
    # One input, and samples that disagree: 40 of class 0 in training, two added ones of class 1.
    model = torch.nn.Linear(1, 2)
    names = {
        "train_x": torch.ones(40, 1), "train_y": torch.zeros(40, dtype=torch.long),
        "added_x": torch.ones(2, 1), "added_y": torch.ones(2, dtype=torch.long), "added": added,
        "model": model, "optimizer": torch.optim.SGD(model.parameters(), lr=0.5),
    }  # fmt: skip
    for _ in range(200):
        exec(script, names)
    chance = torch.softmax(model(torch.ones(1, 1)), dim=1)[0, 1].item()
    assert chance > 0.5  # 100 of 140 by weight, 2 of 42 by number
    drawn = torch.cat([y for _, y in names["loader"]])
    assert 0.5 < drawn.float().mean().item() < 0.9
