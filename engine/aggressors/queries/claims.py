"""A hypothesis put to the half of the data on which nothing was sought."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from aggressors.contracts import Filter
from aggressors.errors import FilterError
from aggressors.queries.columns import joined
from aggressors.queries.grammar import fields_of
from aggressors.queries.names import FieldRef, resolve_value
from aggressors.queries.scope import POSITIONAL, fetch, scope
from aggressors.queries.signals import signal_sql
from aggressors.stats.claims import Tested, judge_claim
from aggressors.stats.evidence import binned
from aggressors.stats.severity import failing
from aggressors.store.sql import identifier

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

OUTCOMES = frozenset(  # fields of every run that say how the model did, or what was found
    ("loss", "loss_quantile", "correct", "prediction", "confidence", "aggressor", "concept", "fold")
)
BINS = 5  # of equal size, into which a confounder that is a number is cut


def tested(run: RunFile, claim: Filter, concept_id: int, confounders: Sequence[str]) -> Tested:
    """Test whether a claim is why a concept fails, on the confirm half of the analysed population.

    Parameters
    ----------
    claim : the hypothesis.
    confounders : fields that may pose as the cause, beside the label; numbers are cut into fifths.

    Raises
    ------
    FilterError : the claim or a confounder is no field of the run, or is about how the model did.
    """
    if outcomes := sorted((fields_of(claim) | {*confounders}) & OUTCOMES):
        raise FilterError(
            f"A claim about {outcomes[0]!r} says how the model did, not why. Claim something of "
            "the samples: metadata, the label or a region of the map."
        )
    refs = [resolve_value(run, name) for name in confounders]
    samples = _samples(run, concept_id, refs)
    held = pc.is_in(samples["row_id"], value_set=_matching(run, claim)).to_numpy()
    signal, member = samples["signal"].to_numpy(), samples["member"].to_numpy()
    rest = signal[~member]
    fails = failing(signal, rest, run.info.settings.core_quantile) if len(rest) else ~member
    return judge_claim(
        held,
        member,
        fails,
        signal,
        _strata(samples, refs),
        group=joined(samples["group_id"]),
        level=run.info.settings.level,
    )


def _samples(run: RunFile, concept_id: int, confounders: Sequence[FieldRef]) -> pa.Table:
    """Read the samples that judge: row_id, signal, label, group_id, member, confounders c0, c1."""
    return fetch(
        run,
        "SELECT s.row_id, {signal} AS signal, s.label::VARCHAR AS label, s.group_id,"
        " a.row_id IS NOT NULL AS member {confounders} FROM {samples}"
        " LEFT JOIN (SELECT DISTINCT row_id FROM assignments WHERE concept_id = $concept) a"
        " ON a.row_id = s.row_id"
        " WHERE s.fold = 'confirm' AND isfinite({signal}) ORDER BY s.row_id",
        params={"concept": concept_id},
        signal=signal_sql(run),
        samples=POSITIONAL if any(ref.needs_metadata for ref in confounders) else "samples s",
        confounders="".join(
            f", {ref.sql} AS {identifier(f'c{at}')}" for at, ref in enumerate(confounders)
        ),
    )


def _matching(run: RunFile, claim: Filter) -> pa.ChunkedArray:
    return fetch(
        run,
        "SELECT s.row_id FROM {source} WHERE s.fold = 'confirm' AND {where}",
        scope(run, claim),
    )["row_id"]


def _strata(samples: pa.Table, confounders: Sequence[FieldRef]) -> NDArray[np.int64]:
    """(n,) codes of the label and all confounders together; no value is a stratum of its own."""
    columns = [pc.dictionary_encode(samples["label"]).combine_chunks().indices]
    for at, ref in enumerate(confounders):
        column = samples[f"c{at}"]
        if ref.kind == "number":
            values = np.asarray(pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy())
            columns.append(pa.array(binned(values, ~np.isnan(values), BINS)))
        else:
            text = column.cast(pa.string())
            columns.append(pc.dictionary_encode(text).combine_chunks().indices)
    together = np.zeros(len(samples), dtype=np.int64)
    for indices in columns:  # numbered anew each time, so that many confounders fit in 64 bits
        column = np.asarray(pc.fill_null(indices, -1).to_numpy(), dtype=np.int64)
        both = together * (int(column.max(initial=0)) + 2) + column + 1
        together = np.unique(both, return_inverse=True)[1].astype(np.int64)
    return together
