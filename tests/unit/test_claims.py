"""Whether a claim explains why a group fails: by hand, over a run, and on later runs."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import ttest_ind

import aggressors as ag
from aggressors.contracts import EVERYTHING
from aggressors.errors import FilterError
from aggressors.hypothesis import on_run
from aggressors.queries import claims
from aggressors.queries.grammar import parse
from aggressors.stages.tables import rows
from aggressors.stats.claims import FEWEST, gap_within, judge_claim, share
from aggressors.store.hypotheses import Hypothesis
from aggressors.store.workspace import Workspace
from aggressors.words import support_sentence
from planted import publish_tables
from told import told

N = 2_000


def judged(claim, member, signal, stratum=None, **more):
    stratum = np.zeros(len(signal), dtype=np.int64) if stratum is None else stratum
    return judge_claim(claim, member, signal > 2, signal, stratum, **more)


def planted(rng):
    """Labels, a cause that strikes half of them, and the group that a search would report."""
    label = rng.integers(0, 4, N)
    cause = rng.random(N) < 0.15
    signal = rng.exponential(size=N) + 0.5 * label + 1.5 * cause * (label < 3)
    member = cause & (rng.random(N) < 0.85) | (rng.random(N) < 0.02)
    return label, cause, member, signal


def test_a_claim_that_may_hold_for_less_than_half_is_a_part_of_the_cause_only():
    """Half of the members, though the others are as bad: the point estimate decides nothing."""
    rng = np.random.default_rng(3)
    member = np.arange(N) < 200
    signal = rng.exponential(size=N) + 2.0 * member
    claim = np.arange(N) < 104
    found = judged(claim, member, signal)
    assert found.coverage.value > 0.5 > found.coverage.low
    assert found.explains
    assert found.support == "partly"
    assert "In part only: it may hold for less than half" in support_sentence(found, "loss", "it")
    assert judged(np.arange(N) < 150, member, signal).support == "supported"


# --- The parts, by hand ---


def test_a_share_has_the_interval_of_wilson():
    found = share(np.arange(100) < 30)
    assert (found.value, found.low, found.high) == pytest.approx((0.3, 0.2189, 0.3958), abs=1e-4)
    whole = share(np.ones(50, dtype=bool))
    assert (whole.value, whole.high) == (1, 1)
    assert whole.low < 1
    assert share(np.ones(FEWEST - 1, dtype=bool)) is None


def test_a_gap_within_strata_takes_each_as_often_as_inside():
    signal = np.array([5.0, 7, 1, 3, 20, 22, 10, 12])
    inside = np.array([1, 1, 0, 0, 1, 0, 0, 0], dtype=bool)
    stratum = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    # 2/3 of inside are of stratum 0: 6 - 2 = 4; 1/3 of stratum 1: 20 - 44/3
    assert gap_within(signal, inside, stratum).value == pytest.approx(2 / 3 * 4 + (20 - 44 / 3) / 3)


def test_in_one_stratum_the_gap_is_that_of_welch():
    rng = np.random.default_rng(1)
    signal, inside = rng.exponential(size=400), np.arange(400) < 150
    found = gap_within(signal, inside, np.zeros(400, dtype=np.int64))
    oracle = ttest_ind(signal[inside], signal[~inside], equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((oracle.low, oracle.high), rel=0.02)


def test_samples_that_belong_together_widen_the_gap():
    rng = np.random.default_rng(2)
    video = np.repeat(np.arange(40), 25)
    signal = rng.exponential(size=40)[video] + 0.1 * rng.random(1_000)
    inside = video < 20
    alone, together = (
        gap_within(signal, inside, np.zeros(1_000, dtype=np.int64), group=group)
        for group in (None, video)
    )
    assert together.value == alone.value
    assert together.high - together.low > 4 * (alone.high - alone.low)


def test_a_stratum_without_others_is_no_comparison():
    label = np.repeat([0, 1], 100)
    assert gap_within(np.arange(200.0), label == 0, label) is None
    found = judged(label == 0, np.arange(200) % 2 == 0, np.arange(200.0), label)
    assert found.support == "no comparison"
    assert "no others with the same labels" in support_sentence(found, "loss", "aggressor 1")


@pytest.mark.parametrize("claimed", [0, FEWEST - 1, 200])
def test_too_few_on_either_side_are_said_to_be(claimed):
    claim = np.arange(200) < claimed
    found = judged(claim, np.arange(200) % 2 == 0, np.arange(200.0))
    assert found.support == "too few samples"
    assert support_sentence(found, "loss", "aggressor 1").endswith("too few.")


# --- Planted truth ---


def test_a_claim_that_is_far_too_wide_or_half_of_it_is_supported_in_part():
    label, cause, member, signal = planted(np.random.default_rng(7))
    rng = np.random.default_rng(8)
    wide = cause | (rng.random(N) < 0.5)
    found = judged(wide, member, signal, label)
    assert found.support == "partly"
    assert "In part only: it is too wide" in support_sentence(found, "loss", "aggressor 1")
    half = cause & (rng.random(N) < 0.3)
    found = judged(half, member, signal, label)
    assert found.support == "partly"
    assert found.left.low > 0  # what it does not explain still fails
    assert found.explained < 0.5
    said = support_sentence(found, "loss", "aggressor 1")
    assert "In part only: it holds for less than half of the members and more than half" in said


# --- Over a run ---


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of planted slices; the first is of dark samples."""
    data = told(3_000)
    listed = [row | {"action": "review_model"} for row in data.tables["aggressors"].to_pylist()]
    tables = data.tables | {"aggressors": rows("aggressors", listed)}
    place = tmp_path_factory.mktemp("claims")
    with ag.open_run(publish_tables(place, tables, data.source, "a" * 12, "v1")) as opened:
        yield opened


def test_the_planted_cause_of_a_run_is_supported_and_judged_by_the_unseen_half(run):
    said = run.test_hypothesis("brightness < 0.3", 1)
    frame = run.samples("fold = confirm").to_pandas()
    assert said["n_claim"] == (frame.brightness < 0.3).sum()
    assert said["support"] in ("supported", "partly")
    assert said["adjusted"][1] > 0
    assert said["sentence"].startswith("The claim holds for ")


def test_confounders_are_held_still(run):
    alone = run.test_hypothesis("sharpness < 0.5", 1)
    with_light = run.test_hypothesis("sharpness < 0.5", 1, ["brightness", "operator"])
    assert alone["adjusted"] != with_light["adjusted"]
    assert "for others with the same labels (" in alone["sentence"]
    assert "for others with the same labels, brightness and operator (" in with_light["sentence"]


def test_without_labels_a_claim_is_compared_with_the_rest():
    rng = np.random.default_rng(3)
    claim, signal = rng.random(N) < 0.2, rng.exponential(size=N)
    said = support_sentence(judged(claim, claim, signal + claim), "loss", "aggressor 1")
    assert "higher than elsewhere (" in said


@pytest.mark.parametrize(
    "claim", ["loss > 2", "correct = no", "aggressor = 1", "brightness < 1 and fold = confirm"]
)
def test_a_claim_about_how_the_model_did_is_refused(run, claim):
    with pytest.raises(FilterError, match="says how the model did, not why"):
        run.test_hypothesis(claim, 1)


def test_unknown_fields_and_ranks_are_told(run):
    with pytest.raises(FilterError, match="no field 'brightnes'"):
        run.test_hypothesis("brightnes < 1", 1)
    with pytest.raises(FilterError, match="no field 'rain'"):
        run.test_hypothesis("brightness < 1", 1, ["rain"])
    with pytest.raises(ag.UsageError, match="no aggressor of rank 99"):
        run.test_hypothesis("brightness < 1", 99)


def test_everything_is_too_much_to_claim(run):
    for claim in (EVERYTHING, parse("none")):
        found = claims.judged(run._file, claim, 1)
        assert found.tested.support == "too few samples"
        assert found.reshuffled is None
        assert all(one.gap is None for one in found.populations)


def test_every_population_is_looked_at_and_the_half_that_judges_first(run):
    said = run.test_hypothesis("brightness < 0.3", 1)
    first, *others = said["populations"]
    assert (first["population"], first["fold"], first["n"]) == (
        "validation", "confirm", said["n_claim"],
    )  # fmt: skip
    assert first["gap"] == said["adjusted"]
    train = run.samples("population = train and brightness < 0.3").to_pandas()
    by_name = {one["population"]: one for one in others}
    assert "unlabeled" not in by_name
    assert by_name["train"]["n"] == train.loss.notna().sum()


def test_chance_agrees_with_the_p_value_of_the_closed_form(run):
    for claim in ("brightness < 0.3", "sharpness < 0.5", "hour < 12"):
        said = run.test_hypothesis(claim, 1)
        assert said["reshuffled"]["p_value"] == pytest.approx(said["p_value"], abs=0.06)


# --- On a later run ---


def test_a_hypothesis_is_judged_on_a_later_run_by_the_same_samples(run, tmp_path):
    place = run.path.parents[1]
    data = told(3_000)
    # the later model no longer fails where it is dark
    samples = data.tables["samples"].to_pandas()
    dark = set(run.members(1)["sample_id"].to_pylist())
    mild = samples.sample_id.isin(dark) & samples.loss.notna()
    samples.loc[mild, "loss"] = 0.01
    schema = data.tables["samples"].schema
    tables = data.tables | {
        "samples": pa.Table.from_pandas(samples, schema=schema, preserve_index=False),
        "aggressors": rows("aggressors", []),
    }
    with ag.open_run("v1", workspace=place) as first:
        kept = first.keep_hypothesis("brightness < 0.3", 1, title="dark", author="Ann")
        assert kept.author == "Ann"
    publish_tables(place, tables, data.source, "b" * 12, "v2")
    with ag.open_run("v2", workspace=place) as later:
        (one,) = later.hypotheses()
    assert one.hypothesis == kept
    assert one.support == "not supported"
    assert "of aggressor 1 of v1" in one.sentence
    assert one.judged.tested.group_gap.high < 0.1


def test_a_hypothesis_of_a_run_that_is_gone_says_so(run, tmp_path):
    place = Workspace.open(tmp_path / "w", create=True)
    gone = Hypothesis("dark", "dark", "brightness < 0.3", "nowhere", 1, "2026-01-01T00:00:00+00:00")
    found = on_run(gone, run._file, place)
    assert (found.judged, found.support) == (None, "not judged")
    assert "'nowhere'" in found.sentence
    everyone = replace(gone, aggressor=None)
    assert "all samples" in on_run(everyone, run._file, place).sentence


def test_in_a_regression_labels_are_compared_in_fifths(tmp_path):
    rng = np.random.default_rng(11)
    n = 3_000
    label, dark = rng.normal(size=n), rng.random(n) < 0.2
    table = pa.table(
        {
            "sample_id": [str(i) for i in range(n)],
            "label": label,
            "prediction": label + rng.normal(0, np.where(dark, 2.0, 0.3)),
            "light": np.where(dark, 0.1, 0.9) + rng.normal(0, 0.02, n),
        }
    )
    with ag.analyze(table, workspace=tmp_path, name="r", task="regression") as regression:
        said = regression.test_hypothesis("light < 0.5", 1)
    assert said["strata"] == 5
    assert said["support"] == "supported"
