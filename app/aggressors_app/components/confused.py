"""How often a label is called what, under two runs: the pairs that changed most."""

from __future__ import annotations

import streamlit as st

from aggressors_app import cached
from aggressors_app.cached import comparing
from aggressors_app.components.listing import Column, Meter, Number, Row, Text, listing
from aggressors_app.format import count, plain

MOST = 8


def confused(run_id: str, other_id: str, place: str, title: str) -> None:
    """List mistakes by how much more or less often they are made, the largest change first."""
    found = comparing.confusion_change(run_id, other_id, place).to_pylist()
    mistakes = [row for row in found if row["label"] != row["prediction"] and row["change"]]
    if not mistakes:
        return
    mistakes.sort(key=lambda row: (-abs(row["change"]), row["label"], row["prediction"]))
    shown = mistakes[:MOST]
    ours, theirs = (cached.run_file(one).info.name for one in (run_id, other_id))
    top = max(abs(row["change"]) for row in shown)
    part = f", {len(shown)} of {len(mistakes)}" if len(shown) < len(mistakes) else ""
    st.markdown(f"**Mistakes made more or less often** :gray[· {plain(title)}{part}]")
    columns = (
        Column("Label › prediction", width="46%"),
        Column("Change"),
        Column(theirs, right=True, help=f"Samples that {theirs} calls so"),
        Column(ours, right=True, help=f"Samples that {ours} calls so"),
    )
    rows = [
        Row(
            str(place),
            (
                Text(f"{row['label']} › {row['prediction']}"),
                Meter(
                    row["change"],
                    f"{row['change']:+,}".replace("-", "−"),
                    min=-top,
                    max=top,
                    color="red" if row["change"] > 0 else "green",
                ),
                Number(count(row["other_n"])),
                Number(count(row["n"])),
            ),
        )
        for place, row in enumerate(shown)
    ]
    listing("confused", columns, rows, label="Mistakes made more or less often")
