"""Two runs side by side: counts by hand, what is left out, and what does not compare."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggressors.contracts import EVERYTHING, Condition
from aggressors.errors import FilterError, InputError, UsageError
from aggressors.queries.fates import fates
from aggressors.queries.grammar import parse
from aggressors.queries.paired import change, confusion_change, turned
from aggressors.queries.pairing import _places, paired
from aggressors.stats.paired import paired_difference
from aggressors.store.read import open_run
from aggressors.worsening import find_worsened
from versions import POSITIONAL, analysed, publish_tables, publish_version

SAMPLES = (
    "SELECT * REPLACE (label::VARCHAR AS label, prediction::VARCHAR AS prediction) FROM samples"
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """v2, which does well at dusk, and v3, which does not; others with samples left out."""
    from aggressors.store.workspace import Workspace

    workspace = Workspace.open(tmp_path_factory.mktemp("paired") / "workspace", create=True)
    gone = tuple(f"validation-{place:06d}" for place in range(40))
    opened = {
        name: open_run(publish_version(workspace, name, day=day, **more))
        for day, (name, more) in enumerate(
            {
                "v2": {"solved": ("dusk",), "noise": 1},
                "v3": {"noise": 2},
                "relabeled": {"noise": 3, "relabel": 6},
                "without": {"noise": 4, "drop": gone},
                "moved": {"noise": 5, "to_train": 9},
                "other-loss": {"loss_name": "hinge"},
                "derived": {"derived_from": "v3-0000"},
            }.items(),
            start=1,
        )
    }
    for day, name in ((20, "numbers-1"), (21, "numbers-2")):
        tables = publishable_numbers(worse=name == "numbers-2")
        opened[name] = open_run(publish_tables(workspace, tables, name, day=day, task="regression"))
    yield opened
    for run in opened.values():
        run.close()


def publishable_numbers(*, worse):
    """Tables of a regression, whose loss is larger at dusk if worse."""
    planted, tables = analysed()
    samples = tables["samples"].to_pandas()
    dusk = samples.sample_id.isin(planted.truth["dusk"])
    loss = np.random.default_rng(worse).uniform(0.5, 1.5, len(samples)) + 2.0 * (dusk & worse)
    columns = {
        "label": np.where(samples.loss.isna(), np.nan, 1.0),
        "prediction": 1.0 + loss,
        "loss": np.where(samples.loss.isna(), np.nan, loss),
    }
    changed = tables["samples"]
    for name, values in columns.items():
        place = changed.schema.get_field_index(name)
        changed = changed.set_column(place, name, pa.array(values, from_pandas=True))
    return {name: tables[name] for name in (*POSITIONAL, "metadata_fields")} | {"samples": changed}


@pytest.fixture
def pair(runs):
    return runs["v3"], runs["v2"]


def joined(run, other):
    """Both runs by sample, as pandas joins them; suffix _b is the other one."""
    with run.asking() as one, other.asking() as two:
        left, right = one.sql(SAMPLES).df(), two.sql(SAMPLES).df()
    both = left.merge(right, on="sample_id", suffixes=("", "_b"))
    both = both[(both.population == "validation") & both.loss.notna() & both.loss_b.notna()]
    return both[both.label == both.label_b]


def test_everything_is_counted_as_by_hand(pair):
    both = joined(*pair)
    found = change(*pair)
    right, was = both.label == both.prediction, both.label == both.prediction_b
    assert found.n == len(both) == 600
    assert found.value == pytest.approx(both.loss.mean())
    assert found.reference == pytest.approx(both.loss_b.mean())
    assert found.broke == int((was & ~right).sum()) > 0
    assert found.fixed == int((right & ~was).sum())
    assert found.errors == pytest.approx(1 - right.mean())
    assert found.other_errors == pytest.approx(1 - was.mean())
    assert found.worse == int((both.loss > both.loss_b).sum())
    assert found.worse + found.better + found.same == found.n
    known = paired_difference(both.loss.to_numpy(), both.loss_b.to_numpy())
    assert (found.difference, found.low, found.high) == pytest.approx(
        (known.value, known.low, known.high)
    )
    assert not found.judges_only


def test_the_other_way_round_everything_changes_sign(pair):
    one, two = change(*pair), change(*reversed(pair))
    assert two.difference == pytest.approx(-one.difference)
    assert (two.broke, two.fixed, two.worse, two.better) == (
        one.fixed, one.broke, one.better, one.worse
    )  # fmt: skip


def test_a_filter_and_a_population_choose(pair):
    both = joined(*pair)
    with pair[0].asking() as cursor:
        light = cursor.sql("SELECT row_id, brightness FROM metadata").df()
    dark = both.merge(light, on="row_id").query("brightness < 0.25")
    found = change(*pair, parse("brightness < 0.25"))
    assert found.n == len(dark)
    assert found.value == pytest.approx(dark.loss.mean())
    assert change(*pair, population="test").n == 300
    assert change(*pair, population="unlabeled").n == 0
    with pytest.raises(FilterError):
        change(*pair, parse("brigthness < 0.25"))


def test_an_aggressor_is_judged_by_the_half_it_was_not_found_on(pair):
    both = joined(*pair)
    members = analysed()[0].truth["dusk"]
    inside = both[both.sample_id.isin(members) & (both.fold == "confirm")]
    for of in ("run", "other"):  # both runs have the same groups
        found = change(*pair, Condition("aggressor", "=", (1,)), of=of)
        assert found.judges_only
        assert found.n == len(inside)
        assert found.difference == pytest.approx((inside.loss - inside.loss_b).mean())


@pytest.mark.parametrize("turn", ["broke", "fixed", "worse", "better"])
def test_the_samples_behind_each_count_are_listed_most_changed_first(pair, turn):
    found = change(*pair)
    table = turned(*pair, turn, limit=1_000).to_pandas()
    assert len(table) == getattr(found, turn)
    both = joined(*pair).set_index("sample_id")
    expected = (both.loss - both.loss_b)[table.sample_id].to_numpy()
    np.testing.assert_allclose(table.change, expected, rtol=1e-9)
    assert (np.diff(np.abs(table.change)) <= 0).all()
    if turn == "broke":
        assert (table.other_prediction == table.label).all()
        assert (table.prediction != table.label).all()
    page = turned(*pair, turn, offset=1, limit=2).to_pandas()
    assert page.sample_id.tolist() == table.sample_id[1:3].tolist()


def test_a_page_out_of_range_is_refused(pair):
    for window in ({"offset": -1}, {"limit": 0}, {"limit": 10_001}):
        with pytest.raises(UsageError, match="page"):
            turned(*pair, "broke", **window)


def test_confusions_of_both_runs_are_counted_on_the_same_samples(pair):
    both = joined(*pair)
    table = confusion_change(*pair).to_pandas().set_index(["label", "prediction"])
    ours = both.groupby(["label", "prediction"]).size()
    theirs = both.groupby(["label", "prediction_b"]).size()
    assert table.n.sum() == table.other_n.sum() == len(both)
    for cell, row in table.iterrows():
        assert (row.n, row.other_n) == (ours.get(cell, 0), theirs.get(cell, 0))
        assert row.change == row.n - row.other_n


def test_samples_that_do_not_compare_are_counted_apart(runs):
    one = paired(runs["relabeled"], runs["v2"]).apart
    assert (one.relabeled, one.only_run, one.only_other, one.unknown) == (6, 0, 0, 0)
    assert change(runs["relabeled"], runs["v2"]).n == 594
    one = paired(runs["without"], runs["v2"]).apart
    n_gone = 600 - change(runs["without"], runs["v2"]).n
    assert (one.only_run, one.only_other) == (0, n_gone)
    assert n_gone > 0
    one = paired(runs["v2"], runs["without"]).apart
    assert (one.only_run, one.only_other, one.in_training) == (n_gone, 0, 0)
    # Test samples of v2 that the other run trains on are not compared there.
    assert change(runs["v2"], runs["moved"], population="test").n == 291


@given(
    st.lists(st.integers(0, 40), unique=True),
    st.lists(st.integers(0, 40), unique=True),
)
def test_places_are_those_of_a_dictionary(ours, theirs):
    by_id = {one: place for place, one in enumerate(theirs)}
    found = _places(np.array(ours, dtype=np.uint64), np.array(theirs, dtype=np.uint64))
    assert found.tolist() == [by_id.get(one, -1) for one in ours]


def test_aggressors_have_their_fates(pair, runs):
    (one,) = fates(*pair)
    assert (one.fate, one.rank, one.other_rank, one.overlap) == ("persisting", 1, 1, 1.0)
    assert one.change.low > 0
    (one,) = fates(*reversed(pair))
    assert one.fate == "shrunk"
    (one,) = fates(runs["v3"], runs["without"])  # the other has no groups
    assert (one.fate, one.rank, one.other_rank) == ("new", 1, None)
    (one,) = fates(runs["without"], runs["v3"])
    assert (one.fate, one.rank, one.other_rank, one.name) == ("gone", None, 1, "brightness < 0.25")


@pytest.mark.parametrize(
    ("run", "other", "error", "says"),
    [
        ("v3", "v3", UsageError, "same predictions"),
        ("derived", "v3", UsageError, "same predictions"),
        ("v3", "numbers-1", InputError, "'numbers-1' a regression"),
        ("v3", "other-loss", InputError, "'hinge'"),
    ],
)
def test_runs_that_do_not_compare_get_a_sentence(runs, run, other, error, says):
    with pytest.raises(error, match=says):
        paired(runs[run], runs[other])


def test_runs_without_a_common_sample_get_a_sentence(pair, tmp_path):
    from aggressors.store.workspace import Workspace

    tables = analysed()[1]
    samples = tables["samples"]
    ids = pa.array([f"other-{one}" for one in samples["sample_id"].to_pylist()])
    place = samples.schema.get_field_index("sample_id")
    bare = {name: tables[name] for name in POSITIONAL}
    bare["samples"] = samples.set_column(place, "sample_id", ids)
    workspace = Workspace.open(tmp_path / "strange", create=True)
    path = publish_tables(
        workspace, bare | {"metadata_fields": tables["metadata_fields"]}, "strange", day=3
    )
    with open_run(path) as other, pytest.raises(InputError, match="share no labeled sample"):
        paired(pair[0], other)


def test_a_signal_that_one_run_lacks_gets_a_sentence(pair):
    with pytest.raises(InputError, match="metric 'wer'"):
        paired(*pair, "wer")


def test_an_error_is_a_signal_too(pair):
    found = change(*pair, EVERYTHING, signal="error")
    assert found.value == pytest.approx(found.errors)
    assert found.worse == found.broke
    assert found.better == found.fixed


def test_a_regression_has_no_mistakes_but_changes(runs):
    found = change(runs["numbers-2"], runs["numbers-1"])
    assert (found.broke, found.fixed, found.errors, found.other_errors) == (None,) * 4
    assert found.low > 0
    assert confusion_change(runs["numbers-2"], runs["numbers-1"]).num_rows == 0
    assert turned(runs["numbers-2"], runs["numbers-1"], "broke").num_rows == 0
    worst = turned(runs["numbers-2"], runs["numbers-1"], "worse", limit=1).to_pylist()[0]
    assert worst["other_prediction"] == pytest.approx(1 + worst["reference"])
    (one, *_) = find_worsened(runs["numbers-2"], runs["numbers-1"])[0].groups
    assert one.rule.startswith("brightness <")
    assert (one.broke, one.fixed) == (None, None)


def test_pairs_are_kept_while_the_runs_are_open(pair):
    assert paired(*pair) is paired(*pair)
    assert paired(*pair).nbytes > 0
    assert replace(paired(*pair)).signal == "loss"
