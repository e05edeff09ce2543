"""The stage over groups made of known fields: what it says of each, and with what it compares."""

import json

import numpy as np
import pyarrow as pa
import pytest

from aggressors.contracts import Settings
from aggressors.stages import associate, correlate
from aggressors.stages.correlate import STAGE
from aggressors.stages.protocol import Context
from aggressors.stages.tables import rows
from aggressors.stats.association import Effect


def related(
    columns, member, *, label=None, classes=("a", "b"), source="table", loss=None, group=None
):
    """Run the stage over one concept; columns of floats and of texts."""
    n = len(member)
    rng = np.random.default_rng(0)
    label = rng.integers(0, len(classes), n) if label is None else label
    arrays = {name: pa.array(values, from_pandas=True) for name, values in columns.items()}
    described = [
        {
            "field": name,
            "kind": "number" if pa.types.is_floating(array.type) else "category",
            "unit": "", "source": source, "missing": array.null_count,
        }
        for name, array in arrays.items()
    ]  # fmt: skip
    names = np.array(classes)[label]
    together = pa.nulls(n, pa.string()) if group is None else pa.array(group.astype(str))
    tables = {
        "samples": pa.table(
            {
                "row_id": np.arange(n), "sample_id": [f"s{row}" for row in range(n)],
                "population": ["validation"] * n,
                "fold": np.where(rng.random(n) < 0.5, "discover", "confirm"),
                "label": names, "prediction": names,
                "loss": rng.exponential(size=n) if loss is None else loss,
                "weight": np.ones(n, dtype=np.float32), "group_id": together,
            }
        ),
        "metadata": pa.table({"row_id": np.arange(n), **arrays}),
        "metadata_fields": rows("metadata_fields", described),
        "concepts": rows("concepts", [{"concept_id": 1}]),
        "assignments": rows(
            "assignments", [{"concept_id": 1, "row_id": row} for row in np.flatnonzero(member)]
        ),
    }  # fmt: skip
    return STAGE.run(tables, Context(Settings(), tuple(classes)))


def membership(found, field, statistic, stratum="label"):
    row = next(
        r
        for r in found["correlations"].to_pylist()
        if (r["field"], r["statistic"], r["stratum"], r["target"], r["concept_id"])
        == (field, statistic, stratum, "membership", 1)
    )
    return row, json.loads(row["detail"])


def test_missing_metadata_is_a_finding_with_effect_interval_and_q():
    rng = np.random.default_rng(1)
    member = rng.random(2_000) < 0.1
    holes = rng.random(2_000) < np.where(member, 0.4, 0.02)
    site = np.where(holes, None, np.array(["a", "b"], dtype=object)[rng.integers(0, 2, 2_000)])
    row, detail = membership(related({"site": site}, member), "site", "missing")
    assert row["low"] < row["effect"] < row["high"]
    assert row["effect"] == pytest.approx(0.38, abs=0.08)
    assert row["q_value"] < 1e-20
    assert detail["filter"] == "site is missing"
    shares = (holes[member].mean(), holes[~member].mean(), member[holes].mean())
    assert detail["sentence"] == (
        f"site is missing for {shares[0]:.0%} of members, {shares[1]:.0%} of the rest; "
        f"over-represented, not defining: {shares[2]:.0%} of all without site are members"
    ).replace("%", " %")


def test_where_members_have_the_value_the_claim_is_that_they_do():
    rng = np.random.default_rng(1)
    member = rng.random(2_000) < 0.1
    holes = rng.random(2_000) < np.where(member, 0.02, 0.5)
    row, detail = membership(
        related({"x": np.where(holes, np.nan, rng.random(2_000))}, member), "x", "missing"
    )
    assert row["high"] < 0
    assert detail["filter"] == "not x is missing"
    assert detail["inside_share"] == pytest.approx(1 - holes[member].mean())


def test_members_at_both_ends_have_a_claim_with_two_bounds():
    rng = np.random.default_rng(2)
    hour = np.floor(24 * rng.random(3_000))
    member = ((hour < 4) | (hour >= 21)) & (rng.random(3_000) < 0.9)
    row, detail = membership(related({"hour": hour}, member), "hour", "mutual-information")
    assert row["q_value"] < 1e-50
    assert detail["adds"] > 0.3
    assert detail["filter"] == "hour < 4.0 or hour >= 21.0"
    assert detail["sentence"].startswith("hour at both ends: 100 % of members below 4 or from 21 ")
    plain = membership(related({"hour": hour}, member), "hour", "rank-biserial")[0]
    assert abs(plain["effect"]) < 0.5 * row["effect"]


def test_a_monotone_field_needs_no_second_bound():
    rng = np.random.default_rng(3)
    x = rng.normal(size=2_000)
    detail = membership(related({"x": x}, x > 1.2), "x", "mutual-information")[1]
    assert detail == {}


def test_shares_of_a_field_that_some_have_no_value_of_are_told_as_such():
    rng = np.random.default_rng(20)
    member = rng.random(6_000) < 0.2
    missing = rng.random(6_000) < np.where(member, 0.8, 0.3)
    temp = np.where(missing, np.nan, rng.normal(size=6_000) + 2.0 * member)
    lens = np.where(missing, None, np.where(member & (rng.random(6_000) < 0.8), "wide", "tele"))
    found = related({"temp": temp, "lens": lens.tolist()}, member)
    for field, statistic in (("temp", "rank-biserial"), ("lens", "cramers-v")):
        _, detail = membership(found, field, statistic)
        assert ": of those with a value, " in detail["sentence"]
        assert detail["missing_inside"] == pytest.approx(missing[member].mean())
    whole = related({"temp": np.nan_to_num(temp)}, member)
    assert "with a value" not in membership(whole, "temp", "rank-biserial")[1]["sentence"]


def test_a_side_of_one_value_is_told_by_it():
    rng = np.random.default_rng(21)
    flag = (rng.random(4_000) < 0.3).astype(float)
    member = (flag == 1) & (rng.random(4_000) < 0.9)
    _, detail = membership(related({"flag": flag}, member), "flag", "rank-biserial")
    assert detail["head"] == "flag = 1"
    assert detail["filter"] == "flag = 1.0"
    assert detail["sentence"].startswith("flag = 1: 100 % of members, ")
    assert detail["precision"] == pytest.approx(member[flag == 1].mean())


def test_the_direction_is_kept_apart_from_the_frequency():
    rng = np.random.default_rng(4)
    x = rng.random(4_000)
    few = (x < 0.3) & (rng.random(4_000) < 0.25)
    detail = membership(related({"x": x}, few), "x", "rank-biserial")[1]
    assert detail["role"] == "common"
    assert detail["inside_share"] > 0.99
    assert detail["precision"] == pytest.approx(0.25, abs=0.04)
    assert "common, not defining: 2" in detail["sentence"]
    part = membership(related({"x": x}, (x < 0.5) | (rng.random(4_000) < 0.5)), "x",
                      "rank-biserial")[1]  # fmt: skip
    assert part["role"] == "part"
    assert "marks a part of them" in part["sentence"]


def test_a_sentence_follows_the_effect_within_labels_where_labels_turn_it():
    rng = np.random.default_rng(5)
    label = (rng.random(6_000) < 0.2).astype(int)
    x = 3.0 * label + rng.normal(size=6_000)  # the label of the members is bright
    member = (label == 1) & (x < 2.5) & (rng.random(6_000) < 0.8)  # of it the dark ones
    found = related({"x": x}, member, label=label)
    row, detail = membership(found, "x", "rank-biserial")
    assert row["effect"] < -0.8
    assert membership(found, "x", "rank-biserial", "all")[0]["effect"] > 0
    assert detail["side"] == "below"
    assert "of the rest of their labels" in detail["sentence"]
    below = x < detail["threshold"]
    assert detail["precision"] == pytest.approx(member[below].mean())


def test_a_category_follows_its_effect_within_labels_where_labels_turn_it():
    rng = np.random.default_rng(15)
    label = (rng.random(6_000) < 0.2).astype(int)
    winter = rng.random(6_000) < np.where(label == 1, 0.8, 0.1)  # the members' label is of winter
    member = (label == 1) & (~winter | (rng.random(6_000) < 0.25))  # of it those of summer
    season = np.where(winter, "winter", "summer")
    found = related({"season": season}, member, label=label)
    _, plain = membership(found, "season", "cramers-v", "all")
    _, detail = membership(found, "season", "cramers-v")
    assert plain["head"] == "season = winter"
    assert detail["head"] == "season = summer"
    assert "of the rest of their labels" in detail["sentence"]
    rest = (label == 1) & ~member
    assert detail["outside_share"] == pytest.approx((season[rest] == "summer").mean())
    assert detail["precision"] == pytest.approx(member[season == "summer"].mean())


def test_missing_values_follow_their_effect_within_labels_where_labels_turn_it():
    rng = np.random.default_rng(16)
    label = (rng.random(6_000) < 0.2).astype(int)
    missing = rng.random(6_000) < np.where(label == 1, 0.8, 0.1)
    member = (label == 1) & (~missing | (rng.random(6_000) < 0.25))
    x = np.where(missing, np.nan, rng.normal(size=6_000))
    found = related({"x": x}, member, label=label)
    row, detail = membership(found, "x", "missing")
    assert row["effect"] < 0 < membership(found, "x", "missing", "all")[0]["effect"]
    assert "of the rest of their labels" in detail["sentence"]
    assert (detail["head"], detail["filter"]) == ("x is known", "not x is missing")
    assert detail["sentence"].startswith("x is known for ")
    rest = (label == 1) & ~member
    assert detail["outside_share"] == pytest.approx((~missing[rest]).mean())
    assert detail["precision"] == pytest.approx(member[~missing].mean())


@pytest.mark.parametrize("kind", ["number", "category", "missing"])
def test_loss_follows_its_effect_within_labels_where_labels_turn_it(kind):
    rng = np.random.default_rng(17)
    label = (rng.random(6_000) < 0.3).astype(int)
    high = rng.random(6_000) < np.where(label == 1, 0.8, 0.2)  # of the bad label
    loss = rng.exponential(size=6_000) + 3.0 * label - 0.5 * high  # within it, the better ones
    x = {
        "number": high + 0.1 * rng.random(6_000),
        "category": np.where(high, "high", "low"),
        "missing": np.where(high, np.nan, rng.random(6_000)),
    }[kind]
    found = related({"x": x}, rng.random(6_000) < 0.1, label=label, loss=loss)["correlations"]
    statistic = {"number": "spearman", "category": "correlation-ratio", "missing": "missing"}[kind]
    plain, within = (
        json.loads(row["detail"])
        for stratum in ("all", "label")
        for row in found.to_pylist()
        if (row["field"], row["concept_id"], row["target"], row["statistic"], row["stratum"])
        == ("x", -1, "loss", statistic, stratum)
    )
    assert within["sentence"].startswith("labels evened out, mean loss ")
    assert not plain["sentence"].startswith("labels")
    assert within["filter"] != plain["filter"]


def test_a_list_is_judged_as_a_whole_with_its_pairs():
    def tested(field, stratum, p_value, target="membership"):
        effect = Effect("rank-biserial", 0.5, 0.4, 0.6, p_value, 100)
        return associate.Finding(field, target, stratum, effect, {})

    found = [
        tested("x", "all", 0.2), tested("x", "label", 0.01), tested("y", "all", 0.004),
        tested("y", "label", 0.04), tested("label", "all", 0.001),
        tested("x", "label", 0.03, "loss"),
    ]  # fmt: skip
    judged, pairs = correlate._judged(found, [(0.02, {"first": "x"})])
    # membership: x .01, y .04, the pair .02, and label .001, which has nothing within labels
    told = {(one.field, one.stratum, one.target): q for one, q in judged}
    assert told["label", "all", "membership"] == pytest.approx(0.004)
    assert told["x", "label", "membership"] == pytest.approx(0.03)
    assert pairs == [{"first": "x", "q_value": pytest.approx(0.04)}]
    assert told["y", "label", "membership"] == pytest.approx(0.04)
    # what they say over all samples is a list of its own, and so is loss
    assert told["y", "all", "membership"] == pytest.approx(0.008)
    assert told["x", "all", "membership"] == pytest.approx(0.2)
    assert told["x", "label", "loss"] == pytest.approx(0.03)


def test_samples_that_belong_together_prove_less():
    rng = np.random.default_rng(19)
    video = np.repeat(np.arange(60), 50)
    x = rng.normal(size=60)[video]
    site = np.where(rng.random(60) < 0.5, "north", "south")[video]
    member = (x > 0.5) & (rng.random(3_000) < 0.9)
    given = ({"x": x, "site": site}, member)
    alone, together = related(*given), related(*given, group=video)
    for field, statistic in (("x", "rank-biserial"), ("x", "mutual-information")):
        row, wide = (membership(found, field, statistic)[0] for found in (alone, together))
        assert wide["high"] - wide["low"] > 3 * (row["high"] - row["low"])
    assert membership(alone, "site", "cramers-v")[0]["q_value"] < 0.001
    assert membership(together, "site", "cramers-v")[0]["q_value"] > 0.05


def test_a_pair_is_found_on_one_half_and_judged_by_the_other():
    rng = np.random.default_rng(6)
    n = 4_000
    dark, site = rng.random(n), rng.integers(0, 4, n)
    member = (dark < 0.3) & (site == 1) & (rng.random(n) < 0.95)
    names = np.array([f"site {code}" for code in range(4)], dtype=object)
    noise = {f"noise {place}": rng.normal(size=n) for place in range(6)}
    found = related({"dark": dark, "site": names[site], **noise}, member)["combinations"]
    pair = found.to_pylist()[0]
    assert {pair["first"], pair["second"]} == {"dark", "site"}
    assert 'site = "site 1"' in pair["filter"]
    assert pair["q_value"] < 1e-20
    assert pair["gain"] > 0.3
    assert pair["low"] > 0.8
    assert pair["n"] == pytest.approx(n / 2, rel=0.1)
    assert "noise" not in str(found.to_pylist()[:1])


def test_no_pair_is_found_in_noise():
    called = 0
    for seed in range(15):
        rng = np.random.default_rng(seed)
        member = rng.random(1_200) < 0.1
        noise = {f"noise {place}": rng.normal(size=1_200) for place in range(10)}
        pairs = related(noise, member)["combinations"].to_pylist()
        called += any(pair["q_value"] <= 0.05 and pair["gain"] >= 0.05 for pair in pairs)
    assert called <= 1


def test_noise_is_named_in_few_of_many_groups():
    named = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        member = rng.random(600) < 0.1
        columns = {f"noise {place}": rng.normal(size=600) for place in range(8)}
        columns["site"] = np.array(["a", "b", "c"], dtype=object)[rng.integers(0, 3, 600)]
        records = related(columns, member)["correlations"].to_pylist()
        named += any(
            r["q_value"] <= 0.05 and r["target"] == "membership" and r["stratum"] == "label"
            for r in records
            if r["field"] != "label"
        )
    assert named <= 5


def test_fields_that_say_the_same_and_fields_set_aside_are_listed():
    rng = np.random.default_rng(7)
    light = rng.random(900)
    columns = {
        "brightness": light,
        "mean_intensity": 255 * light,
        "serial": np.arange(900.0),
        "constant": np.ones(900),
        "nothing": np.full(900, np.nan),
    }
    aside = related(columns, light < 0.1)["fields_aside"].to_pylist()
    assert [(one["field"], one["reason"], one["shown_by"]) for one in aside] == [
        ("mean_intensity", "redundant", "brightness"),
        ("serial", "identifier", ""),
        ("constant", "one value", ""),
        ("nothing", "no value", ""),
    ]


def test_loss_findings_name_the_worst_part():
    rng = np.random.default_rng(8)
    x = rng.random(3_000)
    loss = rng.exponential(size=3_000) + 3.0 * ((x > 0.4) & (x < 0.5))
    found = related({"x": x}, x < 0.2, loss=loss)["correlations"].to_pylist()
    row = next(r for r in found if r["concept_id"] == -1 and r["field"] == "x")
    detail = json.loads(row["detail"])
    assert "highest" in detail["sentence"]
    low, high = (float(part.split()[-1]) for part in detail["filter"].split(" and "))
    assert 0.35 < low < high < 0.55
