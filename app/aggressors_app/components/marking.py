"""Say that a label is wrong or a sample not of this group; taken back the same way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import streamlit as st

from aggressors.contracts import Aggressor
from aggressors.errors import AggressorsError
from aggressors.queries import marks as marking
from aggressors.words import counted
from aggressors_app import actions, cached
from aggressors_app.components.exports import export_menu
from aggressors_app.components.states import failed

if TYPE_CHECKING:
    from aggressors.queries.marks import MarkKind, Marks

NAMES: Mapping[MarkKind, str] = {"label-wrong": "Label wrong", "not-of-group": "Not of this group"}
FLAGS: Mapping[MarkKind, str] = {"label-wrong": "label wrong", "not-of-group": "not of group"}
KEYS: Mapping[str, MarkKind] = {"w": "label-wrong", "n": "not-of-group"}
PROBLEM = "marking_problem"


def flags(run_id: str, held: Marks, one: Aggressor | None = None) -> dict[str, str]:
    """Give the word for the corner of each marked sample's tile."""
    group = None if one is None else cached.group(run_id, one.concept_id)
    found = marking.by_sample(held.held, group)
    return {sample: _flag(marks) for sample, marks in found.items()}


def _flag(marks: Iterable[MarkKind]) -> str:
    return " · ".join(FLAGS[mark] for mark in marks)


def keys(one: Aggressor | None = None, *, labeled: bool = True) -> dict[str, str]:
    """Keys of the grid that mark a sample, where there are labels; none without a workspace."""
    if cached.workspace() is None:
        return {}
    offered = {"label-wrong": labeled, "not-of-group": one is not None}
    return {key: FLAGS[mark] for key, mark in KEYS.items() if offered[mark]}


def mark_by_key(
    run_id: str, one: Aggressor | None, word: str, sample_id: str, shown: Marks
) -> None:
    """Do what the key of the grid called `word` stands for; `shown` are the marks on screen."""
    group = None if one is None else cached.group(run_id, one.concept_id)
    held = marking.by_sample(shown.held, group).get(sample_id, ())
    for mark, name in FLAGS.items():
        if name == word:
            say(run_id, one, sample_id, mark, undo=mark in held)


def say(run_id: str, one: Aggressor | None, sample_id: str, mark: MarkKind, *, undo: bool) -> None:
    """Mark a sample or take it back; for callbacks. What goes wrong is shown by `troubles`."""
    if mark == "label-wrong" and _is_unlabeled(run_id, sample_id):
        st.session_state[PROBLEM] = f"Sample {sample_id} has no label that could be wrong."
        return
    try:
        concept_id = None if one is None else one.concept_id
        actions.set_mark(run_id, sample_id, mark, undo=undo, concept_id=concept_id)
    except AggressorsError as error:
        st.session_state[PROBLEM] = str(error)


def _is_unlabeled(run_id: str, sample_id: str) -> bool:
    try:
        return cached.sample(run_id, sample_id).label is None
    except AggressorsError:  # a stale click: the sample is not of this run
        return True


def troubles(held: Marks) -> None:
    """Say which mark was not kept, and which files cannot be read."""
    if problem := st.session_state.pop(PROBLEM, ""):
        failed(problem)
    for reason in held.broken[:3]:
        failed(reason)
    if len(held.broken) > 3:
        failed(f"{counted(len(held.broken) - 3, 'more file')} of marks cannot be read either.")


def marked(run_id: str, one: Aggressor) -> None:
    """Count the samples with a mark about an aggressor, and offer them for download."""
    n = cached.marked(run_id, one.concept_id)
    if not n:
        return
    export_menu(
        "marks_export",
        lambda format: actions.exported(run_id, "marks", format, "", one.rank),
        "Export what was marked about this aggressor",
        stem=f"marks-{one.rank}",
        run_id=run_id,
        title=f"{n:,} marked",
        icon=":material/flag:",
    )


def mark_buttons(run_id: str, one: Aggressor | None, sample_id: str, key: str) -> None:
    """Offer both marks of one sample; a pressed button is a mark that holds."""
    unlabeled = _is_unlabeled(run_id, sample_id)
    group = None if one is None else cached.group(run_id, one.concept_id)
    held = marking.by_sample(cached.marks().held, group).get(sample_id, ())
    nowhere = cached.workspace() is None
    for letter, mark in KEYS.items():
        if (mark == "not-of-group" and one is None) or (mark == "label-wrong" and unlabeled):
            continue
        st.button(
            NAMES[mark],
            icon=":material/flag:",
            key=f"{key}_{mark}",
            type="primary" if mark in held else "secondary",
            help=_help(mark in held, letter, nowhere),
            disabled=nowhere,
            on_click=say,
            args=(run_id, one, sample_id, mark),
            kwargs={"undo": mark in held},
        )


def _help(holds: bool, letter: str, nowhere: bool) -> str:
    if nowhere:
        return "A single run file keeps no marks; open its workspace"
    return f"{'Marked; take it back' if holds else 'Keep this in the workspace'} (key " + (
        f"{letter.upper()} in the grid)"
    )
