"""The history of saved tests in the dashboard: kept, and let go with all its verdicts."""

from __future__ import annotations

import gc
import weakref

import pytest

from aggressors import gate
from aggressors.store.workspace import Workspace
from aggressors_app import cached
from aggressors_app.cached import kept
from versions import publish_version


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    place = Workspace.open(tmp_path / "workspace", create=True)
    publish_version(place, "v1", day=1)
    gate.save_test(place, "v1", where="brightness < 0.25", slug="dusk")
    monkeypatch.setenv("AGGRESSORS_WORKSPACE", str(place.root))
    monkeypatch.delenv("AGGRESSORS_RUN", raising=False)
    cached.forget()
    yield place
    cached.forget()
    gc.unfreeze()


@pytest.mark.parametrize(("many", "frozen"), [(0, True), (10_000, False)])
def test_many_verdicts_are_passed_over_by_the_garbage_collector(
    workspace, monkeypatch, many, frozen
):
    gc.unfreeze()
    monkeypatch.setattr(kept, "MANY_VERDICTS", many)
    assert [one.test.slug for one in kept.history().tests] == ["dusk"]
    assert (gc.get_freeze_count() > 0) == frozen


def test_what_was_passed_over_is_collected_once_another_history_is_read(workspace, monkeypatch):
    class Loop:
        """Garbage that only the collector finds."""

        def __init__(self):
            self.itself = self

    monkeypatch.setattr(kept, "MANY_VERDICTS", 0)
    loop = Loop()
    gone = weakref.ref(loop)
    kept.history()
    del loop
    gc.collect()
    assert gone() is not None  # frozen with all else
    publish_version(workspace, "v2", day=2)
    gate.check(workspace, "v2")
    kept.history()
    assert gone() is None
