"""The tab Compare of Explore: every section on every kind of run."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.app.reading import component, shown

import aggressors as ag
from aggressors.contracts import Settings
from aggressors.stats import calibration, drift
from aggressors_app import cached, charts, drift_words
from aggressors_app.components import breakdowns, contrast, outcomes
from aggressors_app.components.takeaway import _safe
from signalled import predictions

SECTIONS = ("loss", "inside", "datasets", "confusion", "calibration", "spread")


def drawn(app) -> list[list[dict]]:
    """Rows of every chart on a page."""

    def found(element):
        proto = getattr(element, "proto", None)
        if type(element).__name__ == "UnknownElement" and getattr(proto, "spec", ""):
            yield proto.spec, proto.data.data
        for child in getattr(element, "children", {}).values():
            yield from found(child)

    # A block comes again among the elements of those around it.
    charts = dict.fromkeys(chart for element in app.main for chart in found(element))
    return [pa.ipc.open_stream(rows).read_all().to_pylist() for _, rows in charts]


def offered(app) -> list[str]:
    return list(app.segmented_control(key="explore_show").options)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_shows_one_chart(opened, planted_versions, section):
    app = opened(
        planted_versions, "explore", run="v3-0000", f="population = validation", a="1",
        tab="compare", show=section,
    )  # fmt: skip
    assert not app.exception
    assert not app.error
    assert app.segmented_control(key="explore_show").value == section
    (rows,) = drawn(app)
    marks = [row[charts.MARK] for row in rows]
    assert sorted(marks) == list(range(len(marks)))
    figure = {"spread": "loss_spread", "loss": "against_loss"}.get(section, section)
    assert f"figure_{figure}_csv" in [button.key for button in app.get("download_button")]


def test_the_aggressor_is_told_from_the_rest_by_its_cause(opened, planted_versions):
    app = opened(
        planted_versions, "explore", run="v3-0000", f="population = validation and aggressor = 1",
        a="1", tab="compare", show="inside",
    )  # fmt: skip
    # A claim about members is left out of the comparison, which would have no other side.
    assert not app.exception
    rows = component(app, "inside_differences")["rows"]
    distances = [row["cells"][1]["value"] for row in rows]
    assert distances == sorted(distances, reverse=True)
    assert distances[0] > 0.5
    assert rows[0]["id"] == app.selectbox(key="explore_inside_field").value
    assert rows[0]["cells"][0]["sub"].startswith("effect ")
    assert "effect **" in shown(app)
    assert "KS **" in shown(app)


def test_datasets_are_chosen_in_the_address(opened, planted_versions):
    app = opened(
        planted_versions, "explore", run="v3-0000", f="population = validation", tab="compare",
        show="datasets", left="test", right="train", datasets_field="operator",
    )  # fmt: skip
    assert not app.exception
    (rows,) = drawn(app)
    assert {row["group"] for row in rows} == {"test (450)", "train (900)"}
    assert "JS **" in shown(app)
    assert "χ² **" in shown(app)


def test_two_fields_make_a_grid_and_few_samples_are_hatched(opened, planted_versions):
    app = opened(
        planted_versions, "explore", run="v3-0000", f="population = validation", tab="compare",
        field="operator", second="hour",
    )  # fmt: skip
    assert not app.exception
    (rows,) = drawn(app)
    assert {row["across"] for row in rows} == {"op-1", "op-2", "op-3", "op-4"}
    fewest = cached.run_file("v3-0000").info.settings.min_size
    assert [row["few"] for row in rows] == [row["n"] < fewest for row in rows]
    assert sum(row["n"] for row in rows) <= 900
    app.selectbox(key="explore_second").set_value(breakdowns.ALONE).run()
    assert len(drawn(app)[0]) != len(rows)


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("filter", ["none", "population = unlabeled", "label = coat"])
def test_no_section_fails_where_little_is_left(opened, planted_versions, section, filter):
    app = opened(
        planted_versions, "explore", run="v3-0000", f=filter, a="1", tab="compare", show=section
    )
    assert not app.exception
    assert not app.error
    if filter == "none":
        assert "No sample in the filter" in shown(app)
    if filter == "population = unlabeled" and section not in ("inside", "datasets"):
        assert "No labeled sample in the filter" in shown(app)
        assert not drawn(app)


@pytest.mark.parametrize("section", ["", *SECTIONS])
@pytest.mark.parametrize("world", ["tiny", "barren"])
def test_no_section_fails_on_small_and_empty_runs(opened, request, world, section):
    app = opened(request.getfixturevalue(world), "explore", f="all", tab="compare", show=section)
    assert not app.exception
    assert "Inside / outside" not in offered(app)


@pytest.mark.parametrize("section", ["loss", "datasets", "spread", "confusion", "calibration"])
def test_a_regression_has_no_confusion_and_no_calibration(opened, tmp_path, section):
    rng = np.random.default_rng(0)
    label = rng.normal(size=160)
    table = pa.table(
        {
            "sample_id": [f"s{place}" for place in range(160)],
            "label": label, "prediction": label + rng.normal(0, 0.3, 160),
            "site": rng.choice(["*north*", "(other)", "south"], 160),
            "hour": rng.integers(0, 24, 160),
        }
    )  # fmt: skip
    pq.write_table(table, tmp_path / "numbers.parquet")
    ag.analyze(tmp_path / "numbers.parquet", workspace=tmp_path / "w")
    app = opened(tmp_path / "w", "explore", f="all", tab="compare", show=section, by="site")
    assert not app.exception
    assert offered(app) == ["Against loss", "Datasets", "Loss histogram"]
    assert len(drawn(app)) == 1


def test_a_run_of_a_metric_is_compared_by_it(opened, tmp_path):
    from aggressors import runner
    from aggressors.sources.roles import Columns
    from aggressors.sources.table import open_tables
    from aggressors.store.workspace import Workspace

    workspace = Workspace.open(tmp_path / "w", create=True)
    given = open_tables(
        {"validation": predictions(bad=True)}, columns=Columns(metric=("iou", "wer"))
    )
    runner.run(given, workspace, name="v1", settings=Settings(signal="1 - iou"))
    app = opened(workspace.root, "explore", f="all", tab="compare", field="label", second="loss")
    assert not app.exception
    assert offered(app)[0] == "Against 1 - iou"
    assert "Mean 1 \\- iou by label" in shown(app)


# --- Words and small parts ---


def compared(left, right):
    return drift.of_numbers(np.asarray(left, float), np.asarray(right, float))


def test_the_effect_comes_first_and_chance_is_called_so():
    rng = np.random.default_rng(0)
    apart = compared(rng.normal(2, 1, 200), rng.normal(0, 1, 200))
    assert drift_words.said(apart, "a*b", "rest").startswith(
        "A\\*b is **higher** · large effect **0."
    )
    assert "p below 0.001" in drift_words.help(apart, "a", "b")
    same = compared(rng.normal(size=60), rng.normal(size=60))
    assert drift_words.said(same, "a", "b").startswith("**No more than chance**")
    tiny = compared(rng.normal(0.05, 1, 60_000), rng.normal(0, 1, 60_000))
    assert drift_words.said(tiny, "a", "b").startswith("Negligible effect **0.0")
    kinds = drift.of_categories(np.array([90.0, 10.0]), np.array([10.0, 90.0]))
    assert drift_words.said(kinds, "a", "b").startswith("Large effect **0.79")
    assert drift_words.short(kinds).count(" · ") == 2


def test_calibration_is_told_in_a_line():
    rng = np.random.default_rng(1)
    sure = rng.uniform(0.5, 1, 3_000)
    for shift, words in ((0.0, "No more than chance"), (0.2, "Overconfident"), (-0.1, "Underconf")):
        found = calibration.calibration(sure, rng.random(3_000) < sure - shift)
        assert outcomes.calibration_said(found).startswith(f"**{words}")


def test_of_very_many_classes_those_in_the_most_mistakes_are_shown():
    rows = [
        {"label": f"c{i:02d}", "prediction": f"c{i:02d}", "n": 50, "share": 0.9} for i in range(40)
    ]
    rows += [{"label": "c07", "prediction": "c31", "n": 9, "share": 0.1}]
    rows += [{"label": "c12", "prediction": "c31", "n": 5, "share": 0.1}]
    table = pa.Table.from_pylist(sorted(rows, key=lambda row: row["label"]))
    found = outcomes.matrix(table, most=3)
    assert found.classes == ("c07", "c12", "c31")
    assert (found.n, found.wrong, found.n_classes) == (2_014, 14, 40)
    assert {(cell.label, cell.prediction) for cell in found.cells} == {
        ("c07", "c07"), ("c12", "c12"), ("c31", "c31"), ("c07", "c31"), ("c12", "c31"),
    }  # fmt: skip
    assert outcomes.matrix(table, most=50).classes == tuple(f"c{i:02d}" for i in range(40))


def rows_of(*bounds):
    return [{"low": low, "high": high} for low, high in bounds]


def test_bins_are_drawn_where_their_samples_are():
    assert breakdowns.bounds(rows_of((1, 1), (2, 2), (10, 10))) == [
        (0.5, 1.5), (1.5, 2.5), (9.5, 10.5),
    ]  # fmt: skip
    outer = rows_of((-9, 1), (1, 2), (2, 3), (3, 40))
    assert breakdowns.bounds(outer) == [(0, 1), (1, 2), (2, 3), (3, 4)]
    assert breakdowns.bounds(outer, even=False) == [(-9, 1), (1, 2), (2, 3), (3, 40)]
    assert breakdowns.bounds([{"low": None, "high": None}]) is None
    assert breakdowns.ranged(1, 1) == "1"


def test_files_of_a_chart_cannot_leave_their_folder():
    assert _safe("Mean loss by ../../etc/passwd") == "mean-loss-by-etc-passwd"
    assert _safe("../..") == "chart"
    assert len(_safe("x" * 500)) == 80


def test_the_data_of_a_comparison_names_both_groups():
    groups = [contrast.Group(name, lambda filter: filter) for name in ("one", "the rest")]
    columns = ["value", "low", "high", "left", "right", "left_share", "right_share"]
    table = contrast._table(pa.table({name: [1] for name in columns}), groups)
    assert table.column_names[3:] == [
        "samples of one", "samples of the rest", "share of one", "share of the rest",
    ]  # fmt: skip


# --- What is in scope ---


def told(app) -> str:
    """All text on a page, as it is read."""
    return shown(app).replace("\\", "")


@pytest.mark.parametrize(
    ("section", "scope"),
    [
        ("loss", "**Mean loss by label** :gray[· 111 samples in the filter]"),
        (
            "inside",
            "**hour: aggressor 1 against the rest** :gray[· 900 samples in the filter, its claim "
            "about aggressors aside]",
        ),
        (
            "datasets",
            "**hour: validation against train** :gray[· 120 samples in the filter, its claim about "
            "population aside]",
        ),
        ("confusion", "**Labels against predictions** :gray[· 111 samples in the filter]"),
        (
            "calibration",
            "**How often it is right, by how sure it is** :gray[· 111 samples in the filter]",
        ),
        ("spread", "**How the loss is spread** :gray[· 111 samples in the filter]"),
    ],
)
def test_every_title_says_what_is_in_scope(opened, planted_versions, section, scope):
    app = opened(
        planted_versions, "explore", run="v3-0000",
        f="population = validation and aggressor = 1", a="1", tab="compare", show=section,
        by="population", left="validation", right="train", datasets_field="hour",
        inside_field="hour", field="label",
    )  # fmt: skip
    assert scope in told(app)


def test_what_a_chart_has_no_value_for_is_not_in_its_scope(opened, planted_versions):
    app = opened(
        planted_versions, "explore", run="v3-0000", f="population in (validation, unlabeled)",
        tab="compare", field="hour",
    )  # fmt: skip
    assert "**Mean loss by hour** :gray[· 900 of 1,800 samples in the filter]" in told(app)


def test_the_strongest_fields_say_that_they_are_of_all_samples(opened, planted_versions):
    def listed(filter):
        app = opened(planted_versions, "explore", run="v3-0000", f=filter, tab="compare")
        return component(app, "strongest")["columns"][0]["title"], told(app)

    title, text = listed("population = validation")
    assert title == "Strongest in all of validation"
    assert "The list is of all" not in text  # so is the chart
    _, text = listed("population = validation and label = coat")
    assert "The list is of all 900 samples of validation, the chart of the filter." in text


def test_figures_of_drawn_samples_say_of_how_many():
    rng = np.random.default_rng(0)
    found = compared(rng.normal(size=50), rng.normal(size=80))
    assert drift_words.drawn(found, 50, 80) == ""
    assert drift_words.drawn(found, 1_000_000, 80) == (
        " :gray[· figures from 50 of 1,000,000 and 80]"
    )
    kinds = drift.of_categories(np.array([90.0, 10.0]), np.array([10.0, 90.0]))
    assert drift_words.drawn(kinds, 1_000_000, 80) == ""  # every sample counts there
