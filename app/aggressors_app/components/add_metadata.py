"""Add to a run what nobody measured when it was made: an upload becomes a derived run."""

from __future__ import annotations

from collections.abc import Iterator

import streamlit as st

from aggressors.errors import AggressorsError
from aggressors.words import LEFT_OUT, listed
from aggressors_app import actions, cached, placing
from aggressors_app.components.working import refused, watched
from aggressors_app.format import interval, number, of, plain, titled, typeset
from aggressors_app.uploads import ENDINGS, LARGEST, Upload

MOST = 3  # added fields that are answered in words
STEPS = {
    "check": "Checking the table",
    "survey": "Comparing rows",
    "correlate": "Correlating",
    "diagnose": "Looking for a shortcut",
    "publish": "Publishing",
}


def add_metadata_button(run_id: str) -> None:
    """Offer to add what is missing among the findings."""
    if st.button(
        "Add metadata",
        icon=":material/add:",
        key="add_metadata",
        type="tertiary",
        help="Suspect a cause that nobody measured? Upload it as a table",
        disabled=cached.workspace() is None,
    ):
        _dialog(run_id)


def added(run_id: str, concept_id: int) -> None:
    """Say what was added, and answer it, however little it has to do with the members."""
    if derived := cached.derivation(run_id):
        told = [f"{titled(derived)}.", *_answers(run_id, concept_id)]
        st.caption("  \n".join(plain(typeset(line)) for line in told))


def _answers(run_id: str, concept_id: int) -> Iterator[str]:
    """Say of the added fields what they have to do with the members, the strongest first."""
    run = cached.run_file(run_id)
    known = cached.findings(run_id, concept_id, "membership")
    holds = {
        field: one
        for one in reversed(known.found)
        for field in (one.title, *one.also)
        if one.kind != "pair" and field in run.added
    }
    weak = {row["field"]: row for row in cached.associations(run_id, concept_id).to_pylist()}
    reasons = {one.field: one.reason for one in known.aside}
    ordered = sorted(run.added, key=lambda field: (
        field not in holds, field not in weak, -(holds[field].weight if field in holds else 0)
    ))  # fmt: skip
    for field in ordered[:MOST]:
        if one := holds.get(field):
            like = "" if one.title == field else f"{field}, like "
            told = f"{like}{one.sentence}; effect {_effect(one.effect, one.low, one.high)}."
        elif row := weak.get(field):
            effect = _effect(row["effect"], row["low"], row["high"])
            told = f"{field}: no relation found beyond chance; effect {effect}."
        else:
            why = LEFT_OUT.get(reasons.get(field, ""), "too few values to compare")
            told = f"{field} is left out ({run.info.settings.analysed}: {why})."
        if missing := run.fields[field].missing:
            told += f" {of(missing, sum(run.populations.values()))} have no value."
        yield told
    if others := ordered[MOST:]:
        yield f"Also added: {listed(others)}."


def _effect(value: float, low: float, high: float) -> str:
    return f"{number(value)} ({interval(low, high)})"


@st.dialog("Add metadata", icon=":material/add:")
def _dialog(run_id: str) -> None:
    st.markdown(
        "Upload a table with `sample_id` and a column for each new field. A run derived from this "
        "one appears beside it, with what the members share computed anew. The model is not run "
        "again; samples that the table leaves out have no value."
    )
    sent = st.file_uploader(
        "CSV, Parquet or JSON lines",
        type=list(ENDINGS),
        max_upload_size=LARGEST,
        key="add_metadata_table",
    )
    name = st.text_input(
        "Name of the derived run",
        placeholder=f"{cached.run_file(run_id).info.name} + the new fields",
        max_chars=80,
        key="add_metadata_name",
    )
    if st.button("Add", type="primary", key="add_metadata_send", disabled=sent is None) and sent:
        add(run_id, Upload(sent.name, sent.getvalue()), name.strip())


def add(run_id: str, upload: Upload, name: str) -> None:
    """Add an upload, showing how far it is; then open the derived run, or list what is wrong."""
    try:
        derived = watched(actions.add_metadata(run_id, upload, name), STEPS, "check")
    except AggressorsError as error:
        refused(error)
        return
    placing.switch(derived)
    st.rerun()
