"""Every page of a run whose signal is not the loss names that signal."""

from __future__ import annotations

import pytest
from tests.app.reading import PAGES, component, shown

from aggressors import gate, runner
from aggressors.contracts import Settings
from aggressors.sources.roles import Columns
from aggressors.sources.table import open_tables
from aggressors.store.workspace import Workspace
from signalled import predictions

SPOKEN = {"confidence_gap": "confidence gap", "1 - iou": "1 - iou"}


@pytest.fixture(scope="module", params=SPOKEN)
def judged(request, tmp_path_factory):
    """v1 that fails in the dark, v2 that does not, and a saved test."""
    workspace = Workspace.open(tmp_path_factory.mktemp("signal") / "w", create=True)
    settings = Settings(signal=request.param)
    for name, bad in (("v1", True), ("v2", False)):
        given = open_tables(
            {"validation": predictions(bad=bad)},
            columns=Columns(metric=("iou", "wer")),
            model_name=name,
        )
        runner.run(given, workspace, name=name, settings=settings)
    gate.save_test(workspace, "v1", aggressor=1, slug="dark")
    return workspace.root, SPOKEN[request.param]


@pytest.mark.parametrize("page", PAGES)
def test_no_page_speaks_of_loss_for_another_signal(opened, judged, page):
    root, spoken = judged
    app = opened(root, page, run="v1", f="all", a="1", tab="compare")
    assert not app.exception
    assert not app.error
    text = shown(app).replace("\\", "")
    told = [line for line in text.splitlines() if "loss" in line.lower()]
    # What is left is the loss itself: its mean under the filter, and which runs share it.
    assert all("mean loss" in line.lower() or "task and loss" in line for line in told)
    if page in ("insights", "aggressor"):
        assert f"Mean {spoken} is **" in text
        assert f"of all {spoken} would vanish" in text
    if page == "explore":
        assert f"Mean {spoken} by " in text


def test_insights_shows_the_signal_in_its_figures(opened, judged):
    root, spoken = judged
    app = opened(root, run="v1", f="all")
    titled = spoken[:1].upper() + spoken[1:]
    figures = {one["name"]: one for one in component(app, "run_metrics")["figures"]}
    assert list(figures) == ["Samples", "Mean loss", "Error", f"{titled} explained"]
    ranking = component(app, "ranking")
    assert titled in [column["title"] for column in ranking["columns"]]
    assert "loss" not in str(ranking).lower()


def test_track_shows_what_became_of_the_test(opened, judged):
    root, spoken = judged
    app = opened(root, "track", run="v2")
    assert f"mean {spoken} is" in shown(app).replace("\\", "")
    assert [cell["text"] for cell in component(app, "matrix")["rows"][0]["cells"][2:]] == [
        "◆ baseline", "✓ pass",
    ]  # fmt: skip
