"""What got worse from one model to another: found where it was planted, and nothing elsewhere."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from aggressors.contracts import Settings
from aggressors.stages.frame import Frame
from aggressors.stages.protocol import Context
from aggressors.stages.searching import own_fields
from aggressors.store.read import open_run
from aggressors.store.workspace import Workspace
from aggressors.store.worsened import read_worsened
from aggressors.worsening import find_worsened, search_worse, worsened
from planted import planted_tables
from versions import analysed, publish_version


@pytest.fixture
def pair(story):
    """v3, which fails at dusk, and the accepted v2, which does not."""
    with (
        open_run(story.run_path("v3-0000")) as run,
        open_run(story.run_path("v2-0000")) as accepted,
    ):
        yield run, accepted


def _f1(found, wanted):
    return 2 * len(found & wanted) / max(1, len(found) + len(wanted))


def test_the_hidden_group_is_found_named_and_confirmed(pair):
    found, members = find_worsened(*pair)
    (one, *others) = found.groups
    truth = analysed()[0].truth["dusk"]
    held = set(members.filter(members["rank"].to_numpy() == 1)["sample_id"].to_pylist())
    assert _f1(held, {each for each in truth if each.startswith(("validation", "test"))}) > 0.9
    assert one.name.startswith("brightness <")
    assert one.rule.startswith("brightness <")
    assert one.low > found.least > 0
    assert one.value - one.reference == pytest.approx(one.difference)
    assert abs(one.rest) < 0.1
    assert one.q_value <= 0.05
    assert one.broke > 10
    assert one.fixed == 0
    assert one.aggressor == 1
    assert one.overlap > 0.8
    assert all(each.low < one.low for each in others)
    assert found.n_discover + found.n_confirm == found.n == 600
    assert found.tested > len(found.groups)


def test_the_half_it_was_found_on_does_not_judge(pair):
    found, members = find_worsened(*pair)
    samples = analysed()[0].tables["samples"].to_pandas().set_index("sample_id")
    rows = members.to_pandas()
    folds = samples.loc[rows.sample_id, "fold"]
    assert ((folds == "discover").to_numpy() == ~rows.judges.to_numpy()).all()
    first = rows[(rows["rank"] == 1) & rows.judges & rows.sample_id.str.startswith("validation")]
    assert len(first) == found.groups[0].n_confirm


def test_a_model_that_is_better_leaves_nothing(pair):
    assert find_worsened(pair[1], pair[0])[0].groups == ()


def test_another_seed_leaves_nothing(story):
    publish_version(story, "v5", day=5, noise=7)
    publish_version(story, "v6", day=6, noise=8)
    with open_run(story.run_path("v6-0000")) as run, open_run(story.run_path("v5-0000")) as other:
        assert find_worsened(run, other)[0].groups == ()


# --- Frames: the change of each sample as it is planted ---


@lru_cache
def world(n=900, seed=3, **more):
    """A frame with the loss as its signal, (n,) members of dusk, and the user's fields."""
    planted = planted_tables(
        n=n, seed=seed, slices=("dusk",), with_populations=("validation",), **more
    )
    frame = Frame.from_tables(planted.tables, Context(Settings(), planted.classes))
    dusk = np.isin(frame.sample_id, list(planted.truth["dusk"]))
    return frame, dusk, own_fields(planted.tables)


def groups(change, reference=None, frame=None):
    base, _, own = world()
    frame = replace(base if frame is None else frame, signal=change)
    return search_worse(frame, own, base.signal if reference is None else reference)[0]


def noise(seed, n=900, scale=0.2):
    return np.random.default_rng(seed).normal(0, scale, n)


def test_a_group_that_only_gained_less_is_no_regression():
    _, dusk, _ = world()
    assert not groups(noise(1) - np.where(dusk, 0.1, 1.0)).reported
    assert groups(noise(1) + np.where(dusk, 0.9, 0.0)).reported


def test_what_got_worse_everywhere_is_no_group():
    assert not groups(noise(2) + 0.6).reported


def test_a_sure_but_small_worsening_does_not_matter():
    frame, dusk, _ = world()
    bar = 0.375 * frame.signal.mean()
    for worse, found in ((0.5 * bar, False), (2 * bar, True)):
        assert bool(groups(noise(3, scale=0.05) + worse * dusk).reported) == found


def test_the_bar_stands_by_the_accepted_model_not_by_the_change():
    frame, dusk, _ = world()
    change = noise(4) + 0.5 * dusk
    assert groups(change).reported
    assert not groups(change, reference=frame.signal + 5).reported


def test_a_label_that_got_worse_as_a_whole_is_found():
    frame, _, _ = world()
    coat = frame.label == frame.classes.index("coat")
    searched = groups(noise(5) + 0.8 * coat)
    assert searched.names()[0] == "coat"
    np.testing.assert_array_equal(searched.reported[0].member, coat)


def test_one_of_two_labels_that_got_worse_is_found():
    frame, _, _ = world()
    two = replace(frame, label=frame.label % 2, classes=("boot", "coat"), probabilities=None)
    searched = groups(noise(5) + 0.8 * (two.label == 1), frame=two)
    assert searched.names()[0] == "coat"


def test_what_only_the_embedding_knows_is_found():
    frame, _, _ = world()
    hidden = np.random.default_rng(9).random(len(frame)) < 0.12  # no field speaks of it
    moved = frame.embedding + 3.0 * np.eye(frame.embedding.shape[1])[9] * hidden[:, None]
    searched = groups(noise(6) + hidden, frame=replace(frame, embedding=moved.astype(np.float32)))
    member = searched.reported[0].member
    assert 2 * (member & hidden).sum() / (member.sum() + hidden.sum()) > 0.8
    assert "region" in searched.names()[0]


def test_the_order_of_the_samples_changes_nothing_nor_do_other_names():
    frame, dusk, _ = world()
    change = noise(7) + dusk
    order = np.random.default_rng(0).permutation(len(frame))
    turned = replace(
        frame,
        **{
            name: getattr(frame, name)[order]
            for name in (
                "sample_id", "population", "discover", "confirm", "label", "prediction", "loss",
                "weight", "embedding",
            )
        },
        probabilities=None,
        fields=tuple(one.at(order) for one in frame.fields),
    )  # fmt: skip
    renamed = replace(frame, sample_id=np.array([f"x/{one}" for one in frame.sample_id], object))
    first = groups(change)
    assert len(first.reported) >= 1
    for other, rows in ((turned, order), (renamed, np.arange(len(frame)))):
        again = groups(change[rows], frame.signal[rows], other)
        assert again.names() == first.names()
        for one, two in zip(first.reported, again.reported, strict=True):
            np.testing.assert_array_equal(one.member[rows], two.member)
            assert two.finding.q_value == pytest.approx(one.finding.q_value, rel=1e-6)


def test_models_that_change_places_by_lot_raise_hardly_an_alarm():
    frame, _, _ = world()
    alarms = 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        other = frame.signal * rng.lognormal(0, 0.5, len(frame))
        turned = rng.random(len(frame)) < 0.5
        change = np.where(turned, 1, -1) * (other - frame.signal)
        alarms += bool(groups(change, np.where(turned, frame.signal, other)).reported)
    assert alarms <= 1


def test_too_few_samples_confirm_nothing():
    frame, dusk, own = world(n=150, seed=4)
    change = noise(8, len(frame), 0.01) + 5 * dusk
    assert not search_worse(replace(frame, signal=change), own, frame.signal)[0].reported


# --- Kept ---


def test_it_is_found_once_and_kept(pair, tmp_path, monkeypatch):
    workspace = Workspace(pair[0].path.parent.parent)
    found, members, unwritten = worsened(workspace, *pair)
    assert unwritten == ""
    again = read_worsened(workspace, "v3-0000", "v2-0000")
    assert again is not None
    assert again[0] == found
    assert again[1].equals(members)
    monkeypatch.setattr("aggressors.worsening.find_worsened", None)  # is not asked again
    assert worsened(workspace, *pair)[0] == found
    assert read_worsened(workspace, "v2-0000", "v3-0000") is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda json, parquet: json.write_text("{"),
        lambda json, parquet: json.write_text(json.read_text().replace('"rank": 1', '"rank": "x"')),
        lambda json, parquet: json.write_text(json.read_text().replace('"rank": 1', '"rang": 1')),
        lambda json, parquet: json.write_text(json.read_text().replace('"n": ', '"m": 1, "n": ')),
        lambda json, parquet: json.write_text(json.read_text().replace("v3-0000", "v9-0000")),
        lambda json, parquet: json.write_text(
            json.read_text().replace('"schema_version": 1', '"schema_version": 2')
        ),
        lambda json, parquet: parquet.write_bytes(b"PAR1"),
        lambda json, parquet: parquet.unlink(),
    ],
)
def test_a_file_that_cannot_be_used_is_found_anew(pair, tmp_path, spoil):
    workspace = Workspace(pair[0].path.parent.parent)
    found, _, _ = worsened(workspace, *pair)
    path = workspace.worsened / "v3-0000--v2-0000.json"
    spoil(path, path.with_suffix(".parquet"))
    assert read_worsened(workspace, "v3-0000", "v2-0000") is None
    assert worsened(workspace, *pair)[0] == found
    assert read_worsened(workspace, "v3-0000", "v2-0000") is not None


def test_nothing_is_kept_of_a_run_that_lies_elsewhere(pair, tmp_path):
    elsewhere = Workspace.open(tmp_path / "elsewhere", create=True)
    found, _, unwritten = worsened(elsewhere, *pair)
    assert found.groups
    assert unwritten == ""
    assert not elsewhere.worsened.exists()
