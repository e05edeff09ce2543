"""Labels that come back: checked whole, every trouble listed, then taken whole or not at all."""

from __future__ import annotations

import streamlit as st

from aggressors.errors import AggressorsError
from aggressors.queries.returned import Allowed, Checked, Problem
from aggressors.words import counted
from aggressors_app import actions
from aggressors_app.components.listing import Column, Number, Row, Text, listing
from aggressors_app.components.states import failed
from aggressors_app.format import count, plain

ENDINGS = ("csv", "parquet", "jsonl", "json")
TAKEN = "labels_taken"
MOST = 200  # rows in trouble that are listed
# Each way on takes or leaves out the rows with one kind of trouble.
WAYS = {
    "new_classes": (("unknown class",), "Take new classes"),
    "replace": (("another answer in the queue",), "Replace the answers in the queue"),
    "skip_unknown": (("unknown id", "not in this queue"), "Leave out what is not in the queue"),
    "skip_empty": (("no label",), "Leave out what has no label yet"),
}
TROUBLES = (Column("Sample"), Column("Trouble", width="36%"), Column("Got", width="32%"))


def importing(run_id: str, queue: str) -> None:
    """Offer to take labels back into a queue."""
    if st.button(
        "Import labels",
        icon=":material/upload:",
        key="queue_import",
        help="CSV, Parquet, JSON lines, or what Label Studio exports",
    ):
        _dialog(run_id, queue)
    if said := st.session_state.pop(TAKEN, ""):
        st.toast(said, icon=":material/check:")


@st.dialog("Import labels", icon=":material/upload:", width="large")
def _dialog(run_id: str, queue: str) -> None:
    st.markdown(
        f"Labels for the queue **{plain(queue)}**: a table with `sample_id` and `label`, or what "
        "Label Studio exports. Optional columns: `rejected` (why), `of_group` (whether it is such "
        "a sample), `labeled_by`, `labeled_at`. All rows are checked before any is taken."
    )
    sent = st.file_uploader(
        "CSV, Parquet, JSON lines or Label Studio JSON",
        type=list(ENDINGS),
        key="labels_file",
        label_visibility="collapsed",
    )
    if sent is None:
        return
    content = sent.getvalue()
    try:
        strict = actions.checked_labels(run_id, queue, content, sent.name, Allowed())
        allowed = _ways(strict)
        found = actions.checked_labels(run_id, queue, content, sent.name, allowed)
    except AggressorsError as error:
        failed(str(error))
        return
    _told(found)
    n = len(found.labeled) + len(found.rejected)
    if found.problems or not n:
        return
    if st.button(f"Take {counted(n, 'answer')}", type="primary", key="labels_take"):
        _take(found)


def _ways(strict: Checked) -> Allowed:
    """Offer the ways on that the troubles of this file leave."""
    kinds = {one.kind for one in strict.problems}
    chosen = {
        name: st.checkbox(words, key=f"labels_{name}")
        for name, (about, words) in WAYS.items()
        if kinds & set(about)
    }
    return Allowed(**chosen)


def _told(found: Checked) -> None:
    """Say what would be taken, and list what keeps it from being taken."""
    parts = [
        (len(found.labeled), "labeled"),
        (len(found.rejected), "rejected"),
        (found.unchanged, "known already"),
        (found.left_out, "left out"),
    ]
    told = ", ".join(f"{count(n)} {what}" for n, what in parts if n) or "nothing new"
    st.markdown(f"{plain(found.form)}, {counted(found.rows, 'row')}: {told}.")
    if found.new_classes:
        st.caption(plain(f"New classes: {', '.join(found.new_classes)}"))
    if not found.problems:
        return
    total = found.unfit
    offered = {kind for about, _ in WAYS.values() for kind in about}
    way_on = ", or choose a way on above" if offered & {one.kind for one in found.problems} else ""
    failed(
        f"Nothing is taken while {counted(total, 'row')} "
        f"{'does' if total == 1 else 'do'} not fit. Correct the file{way_on}."
    )
    rows = [row for problem in found.problems for row in _rows(problem)]
    columns = (Column(found.unit.capitalize(), right=True, width="9%"), *TROUBLES)
    listing("labels_troubles", columns, rows[:MOST], label="Rows that do not fit", height=320)
    if len(rows) > MOST:
        st.caption(
            f"The first {MOST} of {count(len(rows))}; `aggressors import-labels --json` has all."
        )


def _rows(problem: Problem) -> list[Row]:
    # What the command line takes an option for is a box above.
    step = "" if "--" in problem.next else problem.next
    kind = Text(problem.kind, sub=step)
    return [
        Row(
            f"{problem.kind} {one.row}",
            (Number(count(one.row)), Text(one.sample_id), kind, Text(one.got)),
        )
        for one in problem.rows
    ]


def _take(found: Checked) -> None:
    try:
        found.take()
    except AggressorsError as error:
        failed(str(error))
        return
    n = len(found.labeled) + len(found.rejected)
    st.session_state[TAKEN] = f"Took {counted(n, 'answer')} into {found.queue.name}"
    st.rerun()
