"""Every page on a full, a tiny and an empty run: something to read, and no exception."""

from __future__ import annotations

import base64
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.app.reading import PAGES, coloured_by, component, planted_aggressors, shown

import aggressors as ag
from aggressors.queries import overview, samples
from aggressors.store.read import open_run
from aggressors.words import nothing_found
from aggressors_app import cached
from aggressors_app.format import number, plain, typeset


@pytest.mark.parametrize("page", PAGES)
def test_every_page_shows_a_full_run(opened, planted_versions, page):
    app = opened(planted_versions, page)
    assert not app.exception
    assert not app.error
    assert "900 of 3,150 samples" in shown(app)


@pytest.mark.torch
@pytest.mark.parametrize("page", PAGES)
def test_every_page_shows_the_demo(opened, demo_workspace, page):
    app = opened(demo_workspace, page)
    assert not app.exception
    assert not app.error
    assert "3,600 of " in shown(app)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_what_a_tiny_run_lacks(opened, tiny, page):
    app = opened(tiny, page)
    assert not app.exception
    assert not app.error
    expected = {
        "insights": "12 samples are too few",
        "aggressor": "12 samples are too few",
        "solve": "about 200 are needed",
        "track": "No saved test yet",
    }
    assert expected.get(page, "12 samples") in shown(app)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_survives_a_run_without_samples(opened, barren, page):
    app = opened(barren, page)
    assert not app.exception
    assert "0 samples" in shown(app)


def test_insights_ranks_the_aggressors_and_totals_the_run(opened, planted_versions):
    app = opened(planted_versions)
    rows = component(app, "ranking")["rows"]
    expected = planted_aggressors(planted_versions)
    shown_names = {row["id"]: row["cells"][1]["text"] for row in rows}
    assert shown_names == {str(one.rank): typeset(one.name) for one in expected}
    statuses = [next(one for one in expected if str(one.rank) == row["id"]).status for row in rows]
    assert statuses == sorted(statuses)  # confirmed before tentative
    severity = rows[0]["cells"][2]
    assert severity["low"] < severity["value"] < severity["high"]
    figures = {one["name"]: one for one in component(app, "run_metrics")["figures"]}
    assert list(figures) == ["Samples", "Mean loss", "Error", "Loss explained"]
    assert figures["Samples"]["value"] == "900"
    assert figures["Mean loss"]["delta"].startswith("▲ +")
    assert figures["Error"]["delta"] == "▲ +8.7 points"
    assert len(figures["Mean loss"]["history"]) == 3


def test_aggressor_follows_the_rank_in_the_address(opened, planted_versions):
    found = planted_aggressors(planted_versions)
    app = opened(planted_versions, "aggressor", run="v1-0000", f="all", a="2")
    assert plain(found[1].name) in app.subheader[0].value
    app.button(key="focus_previous").click().run()
    assert app.query_params["a"] == "1"
    assert app.button(key="focus_previous").disabled


def test_explore_says_whether_the_claim_is_the_cause(opened, planted_versions):
    def verdict(filter):
        app = opened(planted_versions, "explore", run="v3-0000", f=filter, a="1")
        assert not app.exception
        return shown(app)

    assert "The claim holds for" in verdict("population = validation and brightness < 0.3")
    for silent in ("all", "population = test", "loss > 1", "none"):
        assert "The claim holds for" not in verdict(silent)


def test_a_rank_that_is_not_there_is_told(opened, planted_versions):
    app = opened(planted_versions, "aggressor", run="v3-0000", f="all", a="999")
    found = len(cached.aggressors("v3-0000"))
    assert f"There is no aggressor 999 in this run, which has {found}" in shown(app)
    assert not app.exception
    there = opened(planted_versions, "aggressor", run="v3-0000", f="all", a="1")
    assert "There is no aggressor" not in shown(there)


def test_aggressor_lists_findings_with_charts_and_steps_by_arrow_keys(opened, planted_versions):
    app = opened(planted_versions, "aggressor", run="v1-0000", f="all", a="1")
    rows = component(app, "findings")["rows"]
    words, chart, meter, _ = rows[0]["cells"]
    assert words["strong"]
    assert "of members" in words["sub"]
    assert len(chart["inside"]) == len(chart["rest"]) > 1
    assert meter["low"] <= meter["value"] <= meter["high"]
    assert "fields tested" in shown(app)
    steps = [app.button(key=f"focus_{word}").proto.shortcut for word in ("previous", "next")]
    assert steps == ["left", "right"]


def test_aggressor_tells_what_makes_some_members_worse(opened, planted_versions):
    app = opened(planted_versions, "aggressor", run="v1-0000", f="all", a="1", of="loss")
    assert not app.exception
    assert "tested" in shown(app) or "beyond chance" in shown(app)


def test_explore_lists_what_goes_with_loss_over_all_samples(opened, planted_versions):
    app = opened(planted_versions, "explore", run="v1-0000", f="all", tab="compare")
    rows = component(app, "strongest")["rows"]
    assert "field brightness" in {row["id"] for row in rows}


def test_aggressor_shows_samples_with_pictures_and_heatmaps(opened, planted_versions):
    app = opened(planted_versions, "aggressor", run="v1-0000", f="all", a="1", show="central")
    tiles = component(app, "aggressor_grid_central")["items"]
    assert len(tiles) == 12
    assert all(tile["src"].startswith("data:image/jpeg;base64,") for tile in tiles)


def test_aggressor_shows_where_the_model_looks(opened, planted_versions):
    app = opened(planted_versions, "aggressor", run="v1-0000", f="all", a="1", show="worst")
    figure = component(app, "mean_maps")
    titles = [(panel["title"], panel["difference"]) for panel in figure["panels"]]
    assert titles == [
        ("Failing", False),
        ("All", False),
        ("Same label", False),
        ("The rest", False),
        ("Difference", True),
    ]
    assert [scale["kind"] for scale in figure["scales"]] == ["maps"]  # these do not differ
    assert len(base64.b64decode(figure["panels"][0]["pixels"])) == 64
    rows = {row["name"]: row["cells"] for row in figure["rows"]}
    assert [cell["text"] for cell in rows["In the border"]] == [
        "37\u202f%", "30\u202f%", "18\u202f%", "20\u202f%", "+19 pt",
    ]  # fmt: skip
    assert rows["In the border"][0]["sub"] == "33 – 41\u202f%"
    assert rows["In the border"][-1]["clear"]
    assert "37\u202f% of the attention in the border" in shown(app).replace("\\", "")
    tiles = component(app, "aggressor_grid_worst")["items"]
    mistaken = [tile["heat"] for tile in tiles if tile["lines"][0][2]]
    assert mistaken
    assert all(heat["label"] for heat in mistaken)
    right = [tile["heat"] for tile in tiles if not tile["lines"][0][2]]
    assert not any(heat["label"] for heat in right if heat)


def test_aggressor_shows_what_misled_the_model(opened, planted_versions):
    app = opened(planted_versions, "aggressor", run="v1-0000", f="all", a="1", look="true")
    assert not app.exception
    figure = component(app, "mean_maps")
    assert [(one["title"], one["sub"].split(",")[0]) for one in figure["panels"]] == [
        ("Predicted", "failing"), ("True class", "failing"), ("Difference", "failing"),
        ("Predicted", "others"), ("True class", "others"), ("Difference", "others"),
    ]  # fmt: skip
    assert [one["apart"] for one in figure["panels"]] == [False, False, False, True, False, False]
    predicted, true, difference, *_ = (
        np.frombuffer(base64.b64decode(one["pixels"]), np.uint8).astype(int)
        for one in figure["panels"]
    )
    assert (np.sign(difference - 127) == np.sign(predicted - true))[abs(predicted - true) > 4].all()
    assert [scale["kind"] for scale in figure["scales"]] == ["maps", "difference"]
    assert "orange where the predicted class has more" in shown(app)


def test_aggressor_says_what_it_shows(opened, planted_versions):
    expected = {"central": "Nearest to the middle", "counter": "Not members, but like them"}
    for kind, caption in expected.items():
        app = opened(planted_versions, "aggressor", run="v1-0000", f="all", a="1", show=kind)
        assert component(app, f"aggressor_grid_{kind}")["caption"].startswith(caption)
    with open_run(planted_versions / "runs" / "v1-0000.duckdb") as run:
        members = samples.members(run, 1, limit=10_000)["sample_id"].to_pylist()
    tiles = component(app, "aggressor_grid_counter")["items"]
    assert tiles
    assert set(members).isdisjoint(tile["id"] for tile in tiles)


def test_track_shows_every_test_in_every_run(opened, planted_versions):
    app = opened(planted_versions, "track")
    matrix = component(app, "matrix")
    assert [column["title"] for column in matrix["columns"]] == [
        "Test", "State", "v1", "v2", "v3 ◂",
    ]  # fmt: skip
    marks = {row["id"]: [cell["text"] for cell in row["cells"][2:]] for row in matrix["rows"]}
    dusk = next(slug for slug in marks if slug.startswith("brightness"))
    assert marks[dusk] == ["◆ baseline", "✓ pass", "✕ fail"]
    failing = sum(last == "✕ fail" for *_, last in marks.values())
    assert f"v3 fails {failing} of 2 saved tests" in shown(app)


def test_runs_lists_what_changed_and_what_became_of_the_aggressors(opened, planted_versions):
    app = opened(planted_versions, "runs")
    names = [row["cells"][0]["text"] for row in component(app, "-runs")["rows"]]
    assert names == ["v3", "v2", "v1"]
    assert {row["cells"][0]["text"] for row in component(app, "fates")["rows"]} == {"still there"}


def test_an_empty_workspace_says_which_commands_make_a_run(opened, no_runs):
    app = opened(no_runs)
    assert not app.exception
    assert "No run yet" in shown(app)
    assert [code.value for code in app.code] == [
        "aggressors demo",
        "aggressors run integration.py",
        "aggressors ingest --validation predictions.parquet",
    ]


def test_a_missing_workspace_is_an_error_with_the_next_step(opened, tmp_path):
    app = opened(tmp_path / "nowhere")
    assert "There is no workspace" in app.error[0].value


def test_a_broken_run_file_is_named_and_the_others_still_open(opened, planted):
    (planted / "runs" / "cut.duckdb").write_bytes(
        (planted / "runs" / "v1-0000.duckdb").read_bytes()[:300_000]
    )
    app = opened(planted, "runs")
    assert "truncated" in app.error[0].value
    assert len(component(app, "-runs")["rows"]) == 3


def test_several_broken_run_files_are_all_named(opened, planted):
    whole = (planted / "runs" / "v1-0000.duckdb").read_bytes()
    for name in ("cut", "torn"):
        (planted / "runs" / f"{name}.duckdb").write_bytes(whole[:300_000])
    app = opened(planted, "runs")
    assert not app.exception
    assert [name in error.value for name, error in zip(("cut", "torn"), app.error, strict=True)]


@pytest.mark.parametrize("filter", [{}, {"f": "all"}])
def test_an_unknown_run_in_a_link_says_what_to_do(opened, planted_versions, filter):
    app = opened(planted_versions, run="gone", **filter)
    assert "There is no run 'gone'" in app.error[0].value
    assert "Choose a run" in [link.label for link in app.get("page_link")]
    assert len(app.selectbox(key="run_picker").options) == 3


def test_a_link_that_names_only_a_run_shows_it(opened, planted_versions):
    app = opened(planted_versions, run="v1-0000")
    assert app.query_params == {"run": "v1-0000", "f": "population = validation"}
    app = opened(planted_versions, run="v2")
    assert app.query_params["run"] == "v2-0000"


def test_a_run_is_compared_with_runs_of_the_same_task_and_loss(
    opened, planted_versions, monkeypatch
):
    told = cached.runs._kind

    def kind(run):
        return ("regression", "squared error") if run.run_id == "v2-0000" else told(run)

    monkeypatch.setattr(cached.runs, "_kind", kind)
    app = opened(planted_versions, run="v3-0000", f="all")
    loss = next(
        one for one in component(app, "run_metrics")["figures"] if one["name"] == "Mean loss"
    )
    assert len(loss["history"]) == 2
    app.switch_page("app_pages/runs.py").run()
    rows = {row["id"]: row["cells"] for row in component(app, "-runs")["rows"]}
    assert rows["v2-0000"][2]["text"] == "–"
    assert rows["v3-0000"][2]["text"].startswith("+")
    assert component(app, "fates")["columns"][0]["title"] == "Since v1"


def test_explore_of_unlabeled_samples_has_colours_and_counts_members(opened, planted_versions):
    app = opened(planted_versions, "explore", run="v1-0000", f="population = unlabeled", a="1")
    assert coloured_by(app) == ["prediction", "confidence"]
    held = cached.count("v1-0000", "population = unlabeled and aggressor = 1")
    assert held
    assert f"**{held} members**" in shown(app)


def test_the_scope_is_compared_with_its_own_populations(opened, planted_versions):
    app = opened(planted_versions, "explore", run="v1-0000", f="population = train")
    assert " against " not in shown(app).replace("Metadata against", "")
    app = opened(planted_versions, "explore", f="population = train and label = coat")
    whole = cached.totals("v3-0000", "population = train").mean_loss
    assert f"against {number(whole)} in train" in shown(app)


def test_text_from_a_link_or_a_file_is_never_markup(opened, planted, monkeypatch):
    trap = "[Log in](https://evil.example)"
    app = opened(planted, run="v1-0000", f=f'"{trap}" = 1')
    assert plain(trap) in app.error[0].value
    assert trap not in app.error[0].value
    known = cached.field_list("v1-0000")
    odd = replace(known["brightness"], name=trap, unit=trap)
    monkeypatch.setattr(cached, "field_list", lambda run_id: known | {trap: odd})
    app = opened(planted, run="v1-0000", f="all")
    app.selectbox(key="filter_field").set_value(trap).run()
    slider = app.slider(key=f"filter_range_{trap}")
    assert slider.label == f"{plain(trap)} ({plain(trap)})"
    app.text_input(key="filter_typed").set_value(f'"{trap}" = 1').run()
    assert [trap in error.value for error in app.error] == [False]


def test_a_single_run_file_opens_without_a_workspace(opened, planted_versions, monkeypatch):
    monkeypatch.setenv("AGGRESSORS_RUN", str(planted_versions / "runs" / "v1-0000.duckdb"))
    app = opened(planted_versions, "track")
    assert "A single run file has no saved tests" in shown(app)
    app.switch_page("app_pages/solve.py").run()
    assert not app.exception
    assert app.button(key="queue_all").disabled


def test_a_table_without_pictures_shows_what_it_has(opened, tmp_path):
    rng = np.random.default_rng(0)
    table = pa.table(
        {
            "sample_id": [f"s{place}" for place in range(60)],
            "station": rng.choice(["north", "south"], 60),
            "hour": rng.integers(0, 24, 60),
            "loss": rng.gamma(1, 1, 60),
        }
    )
    pq.write_table(table, tmp_path / "losses.parquet")
    ag.analyze(tmp_path / "losses.parquet", workspace=tmp_path / "w")
    app = opened(tmp_path / "w", "explore", sample="s3")
    heads = [head["name"] for head in component(app, "browser_grid")["columns"]]
    assert heads == ["sample_id", "loss", "hour", "station", "outlier_score"]
    app = opened(tmp_path / "w", "explore", sample="s3", layout="tiles")
    assert not app.exception
    assert not {"label", "prediction"} & set(coloured_by(app))
    tile = component(app, "browser_grid")["items"][0]
    assert tile["text"] == ""
    assert {name for name, _, _ in tile["values"]} == {"hour", "station"}
    assert not any(odd for _, _, odd in tile["values"])
    assert [line[0] for line in tile["lines"]] == ["loss"]
    assert {row["id"] for row in component(app, "browser_sample_facts")["rows"]} == {
        "loss",
        "population",
    }
    app.switch_page("app_pages/runs.py").run()
    assert "loss only" in component(app, "-runs")["rows"][0]["cells"][0]["sub"]


def test_a_table_of_labels_alone_says_that_there_is_nothing_to_search_in(opened, tmp_path):
    ids = [f"s{place}" for place in range(400)]
    table = pa.table({"sample_id": ids, "label": ["a", "b"] * 200, "prediction": ["a"] * 400})
    pq.write_table(table, tmp_path / "bare.parquet")
    ag.analyze(tmp_path / "bare.parquet", workspace=tmp_path / "w")
    app = opened(tmp_path / "w", "explore")
    assert "No map" in shown(app)
    with open_run(next((tmp_path / "w" / "runs").iterdir())) as run:
        title, _ = nothing_found(overview.discovery_facts(run), run.info.settings.signal)
    assert title == "Nothing to search in"
