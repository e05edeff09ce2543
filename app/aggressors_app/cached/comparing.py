"""Two runs side by side, remembered under both ids and the place that is looked at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from aggressors.errors import InputError, UsageError
from aggressors.queries.grammar import parse
from aggressors.store.workspace import Workspace
from aggressors_app import chips
from aggressors_app.cached.runs import remember, run_file, workspace
from aggressors_app.catalogue import files_in

if TYPE_CHECKING:  # only Track needs them, and they load the statistics of paired comparisons
    from aggressors.queries.beside import Place
    from aggressors.queries.fates import Fated
    from aggressors.queries.paired import Change, Side
    from aggressors.queries.pairing import Apart, Turn
    from aggressors.queries.worsened import Told
    from aggressors.store.worsened import Worsened

Found = tuple["Worsened", tuple["Told", ...]]


def not_comparable(run_id: str, other_id: str) -> str:
    """Say why two runs do not compare; '' where they do."""
    return _compared(run_id, other_id)[0]


def apart(run_id: str, other_id: str) -> Apart:
    """Count the samples that are not compared; of runs that compare."""
    found = _compared(run_id, other_id)[1]
    assert found is not None
    return found


@remember
def _compared(run_id: str, other_id: str) -> tuple[str, Apart | None]:
    from aggressors.queries.pairing import paired

    try:
        return "", paired(run_file(run_id), run_file(other_id)).apart
    except (InputError, UsageError) as error:
        return str(error), None


@remember
def fates(run_id: str, other_id: str) -> tuple[Fated, ...]:
    """Match the aggressors of two runs, and tell what became of each."""
    from aggressors.queries import fates as matching

    return matching.fates(run_file(run_id), run_file(other_id))


def worse(run_id: str, other_id: str) -> Found | None:
    """Read what got worse, beside the tests that there are; None where it was never sought."""
    found = workspace()
    if found is None:
        return None
    return _worse(run_id, other_id, str(found.root), files_in(found.worsened), _tests(found))


@remember
def _worse(run_id: str, other_id: str, root: str, kept: str, tests: str) -> Found | None:
    from aggressors.queries import worsened

    return worsened.known(Workspace(Path(root)), run_id, other_id)


def _tests(found: Workspace) -> str:
    return files_in(found.tests)


# --- One place in both ---


def change(run_id: str, other_id: str, where: str) -> Change | None:
    """Tell how the samples of a place changed; None where the place is not there.

    Parameters
    ----------
    where : `filter` and the text of one; `test` and a slug; `worse`, `aggressor` or `gone` (an
        aggressor of the other run) and a rank; a colon between the two.
    """
    return _change(run_id, other_id, where, *_listings())


@remember
def _change(run_id: str, other_id: str, where: str, *listings: str) -> Change | None:
    from aggressors.queries import beside

    place = _place(run_id, other_id, where, *listings)
    if place is None:
        return None
    found = beside.change(run_file(run_id), run_file(other_id), place)
    known = _worse(run_id, other_id, *listings) if where.startswith("worse:") else None
    for one in known[1] if known else ():
        if f"worse:{one.group.rank}" == where:  # its interval is that of the test it passed
            return replace(found, low=one.group.low, high=one.group.high)
    return found


def turned(run_id: str, other_id: str, where: str, turn: Turn, offset: int, limit: int) -> pa.Table:
    """One page of the samples of a place that turned, with their heatmaps; `where` as above."""
    return _turned(run_id, other_id, where, turn, offset, limit, *_listings())


@remember
def _turned(
    run_id: str, other_id: str, where: str, turn: Turn, offset: int, limit: int, *listings: str
) -> pa.Table:
    from aggressors.queries import beside

    place = _place(run_id, other_id, where, *listings)
    assert place is not None  # whoever asks has counted it before
    return beside.turned(
        run_file(run_id), run_file(other_id), place, turn,
        offset=offset, limit=limit, heatmaps=True,
    )  # fmt: skip


def confusion_change(run_id: str, other_id: str, where: str) -> pa.Table:
    """Labels against predictions of a place under both runs; `where` as above."""
    return _confusion_change(run_id, other_id, where, *_listings())


@remember
def _confusion_change(run_id: str, other_id: str, where: str, *listings: str) -> pa.Table:
    from aggressors.queries import beside

    place = _place(run_id, other_id, where, *listings)
    assert place is not None
    return beside.confusion_change(run_file(run_id), run_file(other_id), place)


def _listings() -> tuple[str, str, str]:
    """Name the workspace, and the files of it that a place is read from."""
    found = workspace()
    return (
        ("", "", "")
        if found is None
        else (str(found.root), files_in(found.worsened), _tests(found))
    )


@remember
def _place(
    run_id: str, other_id: str, where: str, root: str, kept: str, tests: str
) -> Place | None:
    from aggressors.queries import beside

    kind, _, what = where.partition(":")
    if kind == "filter":
        filter = parse(what)
        named = chips.values(filter, chips.POPULATION)
        return beside.Place(filter, populations=named if len(named) == 1 else ())
    if kind in ("aggressor", "gone"):
        side: Side = "run" if kind == "aggressor" else "other"
        rank = _rank(what)
        known = {
            one.other_rank if one.fate == "gone" else one.rank
            for one in fates(run_id, other_id)
            if (one.fate == "gone") == (side == "other")
        }
        return beside.of_aggressor(rank, side) if rank is not None and rank in known else None
    if not root:
        return None
    found = Workspace(Path(root))
    if kind == "worse":
        rank = _rank(what)
        return None if rank is None else beside.of_worse(found, run_id, other_id, rank)
    try:
        return beside.of_test(found, what) if kind == "test" else None
    except (InputError, UsageError):  # a test that was removed, or a link that names none
        return None


def _rank(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else None
