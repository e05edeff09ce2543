"""What people do: queue and mark samples, decide about aggressors, save hypotheses and tests.

Nothing here is remembered.
"""
# A little over 400 lines: a short function a deed, so that pages find all of them in one place.

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from aggressors import triage
from aggressors.carrying import speaks_of_a_run
from aggressors.errors import WorkspaceError
from aggressors.export import Exported, export
from aggressors.queries import marks as marking
from aggressors.queries import queued, returned
from aggressors.queries.grammar import SAVED, format_filter, parse
from aggressors.queries.handmade import selection
from aggressors.queries.listing import What
from aggressors.store import handmade, hypotheses, kept_filters
from aggressors.store.handmade import HandMade
from aggressors.store.hypotheses import Hypothesis
from aggressors.store.kept_filters import KeptFilter
from aggressors_app import cached
from aggressors_app.commands import running
from aggressors_app.uploads import Upload, adding, check

if TYPE_CHECKING:
    from aggressors import gate
    from aggressors.queries.marks import MarkKind
    from aggressors.queries.returned import Allowed, Checked
    from aggressors.store.label_queues import Added, LabelQueue, QueueSummary
    from aggressors.store.triage import Decision
    from aggressors.store.workspace import Workspace


def _workspace(lacking: str) -> Workspace:
    """Return the workspace, or say what a single run file is lacking."""
    found = cached.workspace()
    if found is None:
        raise WorkspaceError(
            f"A single run file {lacking}. "
            "Open its workspace with `aggressors app --workspace DIR`."
        )
    return found


# --- Label queues ---


def queue(name: str) -> pa.Table:
    """Read a label queue, in the order it was chosen; empty without a workspace."""
    found = cached.workspace()
    if found is None:
        return pa.table({"sample_id": pa.array([], pa.string())})
    return found.label_queue(name).rows()


def add_to_queue(name: str, run_id: str, rank: int | None, sample_ids: Sequence[str]) -> Added:
    """Add unlabeled samples to a label queue, for an aggressor or for none.

    Raises
    ------
    WorkspaceError : there is no workspace, or it cannot be written. UsageError : a sample that the
    run does not have, or that has a label.
    """
    found = _workspace("has no label queue")
    return found.label_queue(name).add(queued.picks(cached.run_file(run_id), sample_ids, rank))


def take_back(name: str, sample_ids: Sequence[str]) -> tuple[str, ...]:
    """Undo that samples were added to a label queue; returns those that stood there.

    Raises
    ------
    UsageError : one was exported or came back since; then all stay. WorkspaceError : there is no
    workspace, or it cannot be written.
    """
    return label_queue(name).take_back(sample_ids)


def label_queue(name: str) -> LabelQueue:
    """Return a label queue, which need not be there yet.

    Raises
    ------
    WorkspaceError : there is no workspace. UsageError : `name` is no slug.
    """
    return _workspace("has no label queue").label_queue(name)


def label_queues() -> list[QueueSummary]:
    """Sum up all label queues by name; none without a workspace."""
    found = cached.workspace()
    return [] if found is None else found.label_queues()


def export_queue(run_id: str, name: str, format: str) -> Exported:
    """Export what waits for a label, and record that it was.

    Raises
    ------
    UsageError : nothing of it is in the run.
    """
    queue = label_queue(name)
    ids = queued.held_here(cached.run_file(run_id), queue.waiting())
    made = exported(run_id, "queue", format, "", queue=queue.of(ids))
    queue.exported(ids, format)
    return made


def checked_labels(
    run_id: str, name: str, content: bytes, called: str, allowed: Allowed
) -> Checked:
    """Check labels that come back to a queue, all of them; nothing is taken yet.

    Raises
    ------
    TableError : they cannot be read. WorkspaceError : there is no workspace.
    """
    found = _workspace("has no label queue")
    queue = found.label_queue(name)
    path = returned.run_of(found, queue)
    run = cached.run_file(run_id if path is None else path.stem)
    return returned.check_labels(queue, content, run, name=called, allowed=allowed)


# --- Marks ---


def set_mark(
    run_id: str,
    sample_id: str,
    mark: MarkKind,
    *,
    undo: bool,
    concept_id: int | None = None,
    tag: str = "",
) -> None:
    """Mark a sample, or take the mark back; what another window did meanwhile changes nothing.

    Parameters
    ----------
    concept_id : the concept on screen; `not-of-group` is about its group.
    tag : the words of the mark `tag`.

    Raises
    ------
    WorkspaceError : there is no workspace, or it cannot be written. UsageError : no such mark, or a
    tag that is too long.
    """
    found = _workspace("keeps no marks")
    place = marking.place_of(cached.run_file(run_id), mark, concept_id, tag)
    found.append_marks(
        [sample_id],
        mark,
        run_id=place.run_id,
        undone=undo,
        group=place.group,
        concept_id=place.concept_id,
    )


# --- Triage ---


def decide(run_id: str, rank: int, word: str, why: str = "", by: str = "") -> Decision:
    """Keep what is decided about an aggressor.

    Raises
    ------
    WorkspaceError : there is no workspace, or it cannot be written. UsageError : dismissed without
    a reason, or one that is too long.
    """
    found = _workspace("keeps no decisions")
    run, opened = cached.run_file(run_id), cached.at_hand
    return triage.decide(run, found, rank, word, why=why, by=by, opened=opened)


# --- Taking samples elsewhere ---


def exported(
    run_id: str,
    what: What,
    format: str,
    filter: str,
    rank: int | None = None,
    count: int | None = None,
    queue: Sequence[str] | pa.Table = (),
) -> Exported:
    """Write a list of samples in a format; made when it is asked for, not before."""
    run = cached.run_file(run_id)
    held = marking.as_table(run, cached.marks().held) if what == "marks" else None
    return export(
        run, what, rank, parse(filter), format, count,
        queue=queue, marks=held, media_roots=cached.media_roots(),
    )  # fmt: skip


# --- Metadata that comes after its run ---


def add_metadata(run_id: str, upload: Upload, name: str) -> Generator[str, None, str]:
    """Publish a run derived from this one, with the fields of an upload.

    Yields how far it is, and returns the id of the derived run.

    Raises
    ------
    WorkspaceError : there is no workspace.
    AggressorsError : the upload does not fit, with everything that is wrong; nothing is published.
    """
    found = _workspace("has no place for a derived run")
    check(upload, sum(cached.run_file(run_id).populations.values()))
    return (yield from adding(upload, run_id, found.root, name))


# --- What got worse ---


def may_seek_worse() -> bool:
    """Tell whether what got worse can be kept: there is a workspace, and it can be written."""
    found = cached.workspace()
    if found is None:
        return False
    folder = found.worsened if found.worsened.is_dir() else found.root
    return os.access(folder, os.W_OK | os.X_OK)


def seek_worse(run_id: str, other_id: str) -> Generator[str, None, str]:
    """Find the groups on which a run is worse than another one, and keep them.

    Yields how far it is.

    Raises
    ------
    WorkspaceError : there is no workspace.
    AggressorsError : the runs do not compare, or what was found cannot be kept.
    """
    found = _workspace("has no place for what got worse")
    place = f"--workspace={found.root.resolve()}"
    return (
        yield from running(["compare", "--json", place, f"--baseline={other_id}", "--", run_id])
    )


# --- Hypotheses ---


def save_hypothesis(
    run_id: str,
    rank: int | None,
    title: str,
    filter: str,
    author: str = "",
    confounders: Sequence[str] = (),
) -> Hypothesis:
    """Keep a claim about the cause of an aggressor.

    Raises
    ------
    WorkspaceError : there is no workspace, or it cannot be written; UsageError, FilterError : the
    filter claims nothing, or cannot be read.
    """
    found = _workspace("has no hypotheses")
    return hypotheses.save_hypothesis(
        found,
        title=title,
        filter=filter,
        run_id=run_id,
        aggressor=rank,
        author=author,
        confounders=confounders,
    )


def remove_hypothesis(slug: str) -> None:
    """Forget a claim.

    Raises
    ------
    WorkspaceError : it cannot be removed.
    """
    if (found := cached.workspace()) is not None:
        hypotheses.remove_hypothesis(found, slug)


# --- Hand-made groups ---


def keep_handmade(run_id: str, name: str, filter: str, author: str) -> HandMade:
    """Keep a selection under a name, without its populations.

    Raises
    ------
    WorkspaceError : there is no workspace, or it cannot be written; FilterError : it selects
    nothing, or by how the model did.
    """
    found = _workspace("keeps no groups")
    kept = format_filter(selection(parse(filter)))
    return handmade.keep_handmade(found, name=name, filter=kept, run_id=run_id, author=author)


def remove_handmade(slug: str) -> None:
    """Forget a hand-made group.

    Raises
    ------
    WorkspaceError : it cannot be removed.
    """
    if (found := cached.workspace()) is not None:
        handmade.remove_handmade(found, slug)


# --- Filters ---


def save_filter(title: str, filter: str, author: str = "", run_id: str = "") -> KeptFilter:
    """Keep a filter under a name, with the run on which it was set where it speaks of that.

    Raises
    ------
    WorkspaceError : there is no workspace, or it cannot be written; UsageError, FilterError : the
    name is none, or taken; the filter cannot be read.
    """
    found = _workspace("keeps no filters")
    made_on = run_id if speaks_of_a_run(parse(filter)) else ""
    return kept_filters.save_filter(found, title, filter, author, made_on)


def keep_filter(filter: str) -> str:
    """Keep a filter that is too long for an address; returns what the address carries instead.

    Raises
    ------
    WorkspaceError : there is no workspace, or it cannot be written.
    """
    return SAVED + kept_filters.keep(_workspace("keeps no filters"), filter).slug


def digest_of(filter: str) -> str:
    """Return what an address would carry of a filter, were it kept."""
    return SAVED + kept_filters.digest(filter)


def remove_filter(slug: str) -> None:
    """Forget a filter.

    Raises
    ------
    WorkspaceError : it cannot be removed.
    """
    if (found := cached.workspace()) is not None:
        kept_filters.remove_filter(found, slug)


# --- Saved tests ---


def save_test(
    run_id: str,
    *,
    rank: int | None = None,
    where: str | None = None,
    hypothesis: str | None = None,
    slug: str = "",
    title: str | None = None,
) -> gate.SavedTest:
    """Freeze an aggressor, a filter or a hypothesis as a test.

    Raises
    ------
    WorkspaceError : there is no workspace; and what `gate.save_test` raises.
    """
    from aggressors import gate

    found = _workspace("has no saved tests")
    return gate.save_test(
        found,
        cached.run_file(run_id).path,
        aggressor=rank,
        where=where,
        hypothesis=hypothesis,
        slug=slug or None,
        title=title,
    )


def promise(test: gate.SavedTest) -> str:
    """Say what a saved test could notice with its samples, and whether another one holds them.

    Raises
    ------
    WorkspaceError : there is no workspace; and what `gate.promise` raises.
    """
    from aggressors import gate

    workspace = _workspace("has no saved tests")
    return f"{gate.promise(workspace, test).sentence} {gate.told_twice(workspace, test)}".rstrip()


def save_worse(run_id: str, other_id: str, rank: int) -> gate.SavedTest:
    """Freeze a group on which a run is worse than another one as a test.

    Raises
    ------
    WorkspaceError : there is no workspace; and what `gate.save_test` raises.
    """
    from aggressors import gate

    found = _workspace("has no saved tests")
    run, other = cached.run_file(run_id), cached.run_file(other_id)
    return gate.save_test(found, run.path, worse=rank, baseline=other.path)
