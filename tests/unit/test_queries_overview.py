import numpy as np
import pytest

from aggressors.contracts import EVERYTHING
from aggressors.errors import UsageError
from aggressors.queries.concept import (
    associations,
    concept,
    confusion,
    mean_maps,
    reasons,
    representatives,
    stats,
)
from aggressors.queries.grammar import parse
from aggressors.queries.overview import (
    EVERYONE,
    aggressors,
    discovery_facts,
    in_scope,
    loss_explained,
    loss_histograms,
    totals,
)
from queried import CLASSES, queried


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    found = queried(tmp_path_factory.mktemp("runs"))
    yield found
    found.run.close()


def weighted(rows, value):
    return np.average(value, weights=rows["weight"])


def test_totals_are_weighted_and_by_population(data):
    found = totals(data.run, parse("hour < 12"))
    frame = data.frame[data.frame["hour"] < 12]
    labeled = frame[frame["loss"].notna()]
    assert (found.n, found.n_labeled) == (len(frame), len(labeled))
    assert found.mean_loss == pytest.approx(weighted(labeled, labeled["loss"]))
    wrong = labeled["label"] != labeled["prediction"]
    assert found.error_rate == pytest.approx(weighted(labeled, wrong))
    assert [entry.population for entry in found.populations] == list(data.run.populations)
    test = labeled[labeled["population"] == "test"]
    assert found.of("test").mean_loss == pytest.approx(weighted(test, test["loss"]))
    assert found.of("unlabeled").mean_loss is None
    assert found.of("unlabeled").n == (frame["population"] == "unlabeled").sum()


def test_totals_of_nothing(data):
    found = totals(data.run, parse("none"))
    assert (found.n, found.mean_loss, found.error_rate, found.populations) == (0, None, None, ())
    assert found.of("test").n == 0


def test_aggressors_come_by_rank_with_the_figures_of_the_confirm_half(data):
    found = aggressors(data.run)
    assert [(entry.rank, entry.concept_id) for entry in found] == [(1, 1), (2, 5), (3, 2)]
    judged = data.frame[data.frame["fold"] == "confirm"]
    inside = judged["row_id"].isin(data.members[5])
    assert found[1].gap == pytest.approx(
        judged["loss"][inside].mean() - judged["loss"][~inside].mean()
    )
    assert found[1].gap_low < found[1].gap < found[1].gap_high
    assert found[2].status == "tentative"
    assert found[0].rule == "brightness < 0.3"


def test_in_scope_counts_what_the_filter_leaves_of_each_aggressor(data):
    rows = in_scope(data.run, parse("label = coat")).to_pylist()
    validation = data.frame[data.frame["population"] == "validation"]
    for row in rows:
        members = validation[validation["row_id"].isin(data.members[row["concept_id"]])]
        coats = members[members["label"] == "coat"]
        assert (row["n"], row["n_scope"]) == (len(members), len(coats))
        assert row["mean_loss"] == pytest.approx(weighted(coats, coats["loss"]))
    empty = in_scope(data.run, parse("population = test")).to_pylist()
    assert [(row["rank"], row["n_scope"], row["mean_loss"]) for row in empty] == [
        (1, 0, None), (2, 0, None), (3, 0, None),
    ]  # fmt: skip


def test_members_without_a_label_take_no_part_in_the_error_rate(tmp_path, data):
    label = data.frame["label"].where(data.frame["row_id"] % 3 != 0, None).tolist()
    partly = queried(tmp_path, other={"label": label})
    frame = partly.frame[partly.frame["population"] == "validation"]
    with partly.run as run:
        rows = in_scope(run)
    for row in rows.to_pylist():
        members = frame[frame["row_id"].isin(partly.members[row["concept_id"]])]
        judged = members[members["label"].notna()]
        assert row["n_scope"] == len(members) > len(judged) > 0
        assert row["mean_loss"] == pytest.approx(weighted(members, members["loss"]))
        assert row["error_rate"] == pytest.approx(
            weighted(judged, judged["label"] != judged["prediction"])
        )


def test_loss_explained_counts_the_union_of_the_confirmed_once(data):
    union = set(data.members[1]) | set(data.members[5])  # concept 2 is tentative
    validation = data.frame[data.frame["population"] == "validation"]
    inside = validation["row_id"].isin(union)
    judged = validation["fold"] == "confirm"

    def mean(rows):
        return weighted(rows, rows["loss"])

    gap = mean(validation[judged & inside]) - mean(validation[judged & ~inside])
    share = (
        validation["weight"][inside].sum() * gap / (validation["weight"] * validation["loss"]).sum()
    )
    found = loss_explained(data.run)
    assert found.n == inside.sum()
    assert found.gap == pytest.approx(gap)
    assert found.share == pytest.approx(share)


def test_histograms_hold_every_labeled_sample_of_the_analysed_population(data):
    rows = loss_histograms(data.run, EVERYTHING, bins=5).to_pylist()
    validation = data.frame[data.frame["population"] == "validation"]
    by_concept = {}
    for row in rows:
        by_concept.setdefault(row["concept_id"], []).append(row["n"])
    assert list(by_concept) == [EVERYONE, 1, 5, 2]
    assert sum(by_concept[EVERYONE]) == len(validation)
    assert sum(by_concept[5]) == validation["row_id"].isin(data.members[5]).sum()
    low, high = rows[1]["low"], rows[1]["high"]
    assert (
        by_concept[EVERYONE][1] == ((validation["loss"] >= low) & (validation["loss"] < high)).sum()
    )
    assert loss_histograms(data.run, parse("none")).num_rows == 0


def test_discovery_facts_say_what_was_tested(data):
    found = discovery_facts(data.run)
    assert (found.needed, found.searchable) == (200, True)
    assert (found.tested, found.fdr) == (321, 0.05)
    assert (found.confirmed, found.tentative) == (2, 1)
    assert (found.n_discover, found.n_confirm) == (60, 60)


# --- One concept ---


def test_a_concept_with_its_rule(data):
    found = concept(data.run, 5)
    assert (found.name, found.parent_id, found.level) == ("group 5", None, 0)
    assert (found.rule.text, found.rule.recall) == ("brightness < 0.3", 0.9)
    with pytest.raises(UsageError, match="no concept 9"):
        concept(data.run, 9)


def test_stats_of_a_concept(data):
    (row,) = stats(data.run, 2).to_pylist()
    assert (row["population"], row["fold"]) == ("validation", "confirm")


def test_associations_follow_the_effect_within_labels(data):
    rows = associations(data.run, 1).to_pylist()
    # brightness -0.9 within labels, -0.4 without; the label itself has no effect within labels.
    assert [(row["field"], row["stratum"], row["effect"], row["plain_effect"]) for row in rows] == [
        ("brightness", "label", -0.9, -0.4),
        ("label", "all", 0.6, 0.6),
        ("operator", "label", 0.2, 0.5),
    ]
    assert rows[0]["sentence"] == "brightness differs"
    assert [row["kind"] for row in rows] == ["number", "category", "category"]
    plain = associations(data.run, 1, stratum="all")
    assert plain["field"].to_pylist() == ["label", "operator", "brightness"]
    assert associations(data.run, 1, "loss").num_rows == 0


def test_representatives_carry_their_facts_picture_and_heatmap(data):
    rows = representatives(data.run, 1).to_pylist()
    members = data.members[1]
    assert [row["row_id"] for row in rows] == [*members[:4][::-1], *members[4:6]]
    assert [row["reason"] for row in rows] == ["central"] * 4 + ["worst"] * 2
    for row in rows:
        facts = data.frame.iloc[row["row_id"]]
        assert (row["sample_id"], row["label"]) == (facts["sample_id"], facts["label"])
        assert row["thumbnail"] == b"\xff\xd8\xff" + row["sample_id"].encode()
        assert row["heatmap"] == (bytes(range(6)) if row["row_id"] in members[:2] else None)
    assert representatives(data.run, 1, "worst").num_rows == 2
    assert representatives(data.run, 2).num_rows == 0


def test_mean_maps_come_in_reading_order(data):
    assert mean_maps(data.run, 1)["of"].to_pylist() == ["core", "rest"]


def test_confusion_counts_labeled_samples_in_class_order(data):
    rows = confusion(data.run, parse("population = test")).to_pylist()
    frame = data.frame[data.frame["population"] == "test"]
    counts = frame.groupby(["label", "prediction"]).size().to_dict()
    assert {(row["label"], row["prediction"]): row["n"] for row in rows} == counts
    places = [(CLASSES.index(row["label"]), CLASSES.index(row["prediction"])) for row in rows]
    assert places == sorted(places)
    for name in CLASSES:
        shares = [row["share"] for row in rows if row["label"] == name]
        assert sum(shares) == pytest.approx(1)
    inside = confusion(data.run, concept_id=5)
    members = data.frame.iloc[data.members[5]]
    assert sum(inside["n"].to_pylist()) == members["label"].notna().sum()


def test_reasons_are_read(data):
    (reason,) = reasons(data.run, 1)
    assert (reason.action, reason.value, reason.weight) == ("collect", 0.01, 0.7)
    assert reasons(data.run, 77) == ()
