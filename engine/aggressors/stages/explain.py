"""Where the model looks: heatmaps of samples, and what they have in common inside an aggressor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aggressors.contracts import POPULATIONS
from aggressors.errors import AggressorsError, StageError
from aggressors.sources.protocol import Explains
from aggressors.stages.attended import attention_table, mean_maps_table
from aggressors.stages.drawn import Draw, kept, rows_of
from aggressors.stages.frame import BoolArray, Frame, IntArray
from aggressors.stages.gathered import Batch, Gathered
from aggressors.stages.protocol import Context, Stage, Tables
from aggressors.stages.tables import empty, rows
from aggressors.stats.attention import averaged_down

OUTPUTS = ("explanation", "heatmaps", "mean_maps", "attention")
Floats = NDArray[np.float64]


def explain(tables: Tables, context: Context) -> dict[str, pa.Table]:
    """Explain representatives, and of each aggressor a sample of members and of others.

    Each map explains the predicted class, and a second one the true class where that differs and
    the method knows classes. Mean maps and numbers are over the sets that `drawn.Draw` chooses.
    What is held in memory follows the settings and the aggressors, not the samples of the run.

    Returns
    -------
    `explanation`, `heatmaps`, `mean_maps` and `attention`; all empty without a model, and all but
    the first where the model has no map or there is nothing to explain.
    """
    out = {name: empty(name) for name in OUTPUTS}
    source = context.source
    if source is None:
        return out
    method, reason = context.settings.heatmap_method, source.no_heatmaps
    if source.heatmap_layer is not None and not tables["aggressors"].num_rows:
        reason = "There is no aggressor whose samples could be explained."
    if not reason:
        found = _explained(tables, context, source)
        if found is None:
            reason = (
                f"No map of layer {source.heatmap_layer!r} shows anything: the outputs do not "
                "depend on it where it is positive. Set heatmap_layer to another."
            )
        else:
            out |= found
    facts = {"method": method, "layer": source.heatmap_layer, "reason": reason or None}
    return out | {"explanation": rows("explanation", [facts])}


def _explained(tables: Tables, context: Context, source: Explains) -> dict[str, pa.Table] | None:
    frame = Frame.from_tables(tables, context)
    draw = Draw(frame)
    ranked = tables["aggressors"].sort_by("rank")["concept_id"].to_pylist()
    sets = {concept: draw.sets(_member(tables, concept, len(frame))) for concept in ranked}
    shown = rows_of(frame, _representatives(tables, ranked))
    drawn = [places for chosen in sets.values() for places in chosen.values()]
    wanted = np.unique(np.concatenate([shown, *drawn]))
    keep = kept(sets, shown, frame.settings.heatmaps_kept)
    gathered = Gathered(frame, wanted, keep, sets, source.heatmap_layer or "")
    for batch in _batches(frame, wanted, context):
        gathered.add(batch, _maps(source, tables, frame, batch))
    if not gathered.shows_anything:
        return None
    return {
        "heatmaps": rows("heatmaps", gathered.records),
        "mean_maps": mean_maps_table(gathered.means(), frame.settings.heatmap_method),
        "attention": attention_table(sets, wanted, gathered.measured, frame),
    }


def _member(tables: Tables, concept: int, n: int) -> BoolArray:
    assigned = tables["assignments"]
    inside = assigned["concept_id"].to_numpy() == concept
    member = np.zeros(n, dtype=np.bool_)
    member[assigned["row_id"].to_numpy()[inside]] = True
    return member


def _representatives(tables: Tables, ranked: Sequence[int]) -> list[str]:
    place = {concept: rank for rank, concept in enumerate(ranked)}
    found = [row for row in tables["representatives"].to_pylist() if row["concept_id"] in place]
    found.sort(key=lambda row: (place[row["concept_id"]], row["rank"], row["reason"]))
    return [row["sample_id"] for row in found]


# --- Batches ---


def _batches(frame: Frame, wanted: IntArray, context: Context) -> Iterator[Batch]:
    knows_classes = bool(frame.classes) and frame.settings.heatmap_method != "eigencam"
    label, prediction = frame.label[wanted], frame.prediction[wanted]
    both = (label >= 0) & (label != prediction) & knows_classes
    size = frame.settings.batch_size
    batches = [
        Batch(name, part[start : start + size], second)
        for code, name in enumerate(POPULATIONS)
        for second in (False, True)
        for part in [wanted[(frame.population[wanted] == code) & (both == second)]]
        for start in range(0, len(part), size)
    ]
    yield from context.progress(batches, len(batches), "explain")


def _maps(source: Explains, tables: Tables, frame: Frame, batch: Batch) -> Floats:
    """(n, 1 or 2, rows, columns) unscaled maps of a batch, no larger than they are kept."""
    classes = frame.prediction[batch.rows][:, None]
    if batch.both:
        classes = np.column_stack([classes, frame.label[batch.rows]])
    places = tables["positions"]["position"].take(pa.array(batch.rows)).to_pylist()
    try:
        found = source.heatmaps(
            batch.population,
            places,
            classes.tolist() if frame.classes else None,
            frame.settings.heatmap_method,
        )
    except AggressorsError:
        raise
    except Exception as error:
        raise StageError(
            "explain",
            str(batch),
            f"{frame.settings.heatmap_method} at layer {source.heatmap_layer!r} raised "
            f"{type(error).__name__}: {error}. Set heatmap_layer to another layer whose output is "
            "a map of the image.",
        ) from error
    return averaged_down(found.astype(np.float64), frame.settings.heatmap_cells)


STAGE = Stage(
    name="explain",
    inputs=(
        "samples",
        "metadata",
        "metadata_fields",
        "assignments",
        "aggressors",
        "representatives",
    ),
    outputs=OUTPUTS,
    run=explain,
    optional=("positions", "metrics"),
)
