"""Freeze a group as a test that later runs must pass, and say what the test could notice."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from aggressors.carrying import finder_on
from aggressors.contracts import BUILT_IN_SIGNALS, Signal, Verdict
from aggressors.errors import InputError, SettingsError, UsageError
from aggressors.freezing import Group, of_aggressor, of_filter, of_hypothesis, of_worse
from aggressors.joining import signals_of
from aggressors.judging import default_margin, likely_detectable, measure
from aggressors.ledger import Ledger
from aggressors.queries.grammar import expand
from aggressors.queries.judged import held_out, matching, metric_names
from aggressors.store.read import RunFile, open_run
from aggressors.store.records import one_line
from aggressors.store.saved_tests import (
    MIN_SAMPLES,
    SavedTest,
    read_samples,
    write_numbered,
    write_test,
)
from aggressors.store.workspace import Workspace, check_slug
from aggressors.words import number, spoken

TWIN = 0.9  # of the samples of both tests from which on they are the same
BY_HAND = "chosen when it was saved"


@dataclass(frozen=True, slots=True)
class Promise:
    """What a test could notice with its number of samples, so that nobody trusts an empty one.

    Parameters
    ----------
    detectable : smallest worsening of its mean signal that fails with 80 % probability.
    runs : runs whose paired differences tell that; 0 where it is estimated from one run alone, as
        if two models had nothing in common, so that it is likely less.
    gap : of the samples to the rest in the run that the test was saved on, which it should notice;
        None without, or where it has noticed a worsening already.
    """

    test: SavedTest
    detectable: float
    runs: int
    gap: float | None

    @property
    def sentence(self) -> str:
        """Say it, and warn where the test could miss what it was saved for."""
        n, least = f"{self.test.samples:,}", number(self.detectable)
        told = "estimated, for no other run was compared"
        if self.runs == 1:
            told = "by how 1 run differs from its baseline"
        if self.runs > 1:
            told = f"by how {self.runs} runs differ from their baselines"
        text = f"With its {n} samples a worsening below about {least} may pass unseen ({told})."
        if self.gap is None or self.gap <= 0 or self.detectable <= self.gap:
            return text
        return (
            f"{text} That is more than its gap of {number(self.gap)}, so that its return could go "
            "unnoticed: save a wider group, or get more samples of it labeled."
        )


def promised(
    workspace: Workspace, test: SavedTest, verdicts: Mapping[str, Verdict], n_tests: int
) -> Promise:
    """Smallest regression that a saved test could notice; see `Promise`.

    Parameters
    ----------
    verdicts : its verdicts by run id.
    n_tests : tests of a check.

    Raises
    ------
    InputError : its files are gone or damaged.
    """
    seen = [one.detectable for one in verdicts.values() if one.detectable is not None]
    source = verdicts.get(test.source_run_id)
    gap = source.gap if source else None
    if any(one.verdict == "fail" for one in verdicts.values()):
        gap = None  # it notices enough, as it has shown
    if seen:
        return Promise(test, median(seen), len(seen), gap)
    frozen = signals_of(read_samples(workspace, test), "signal").value
    return Promise(test, likely_detectable(frozen, test.margin, n_tests), 0, gap)


def told_twice(workspace: Workspace, test: SavedTest) -> str:
    """Say which other saved test holds nearly the same samples, '' where none does.

    Raises
    ------
    InputError : the test's files are gone or damaged.
    """
    from aggressors.queries.worsened import covering, samples_of_tests

    ids = read_samples(workspace, test)["sample_id"].combine_chunks()
    others = [one for one in samples_of_tests(workspace) if one[0].slug != test.slug]
    for one in covering(ids, others):
        if min(one.share, one.of_test) >= TWIN:
            return (
                f"{one.slug} holds {one.share:.0%} of its samples already, and each further test "
                "of a check lets all of them see a little less: one of the two is enough."
            )
    return ""


def save_test(
    workspace: Workspace,
    run: Path | str,
    *,
    aggressor: int | None = None,
    where: str | None = None,
    hypothesis: str | None = None,
    worse: int | None = None,
    baseline: Path | str | None = None,
    slug: str | None = None,
    title: str | None = None,
    why: str | None = None,
    signal: str | None = None,
    margin: float | None = None,
) -> SavedTest:
    """Freeze a group as a test, and judge every published run in it.

    The frozen samples are held-out ones; of a group that was sought only those it was not found on.
    What got worse is frozen as it was under the baseline, so that the run itself fails the test.

    Parameters
    ----------
    run : the run whose samples and signals are frozen.
    aggressor : rank of an aggressor; or
    where : text of a filter on the input side (metadata, label or prediction); "@dusk" stands for
        the filter that the workspace keeps as dusk; or
    hypothesis : slug of one that the workspace keeps; its claim is put in the words of `run`; or
    worse : rank of a group on which the run is worse than `baseline`, by default the model before
        it; `comparing.compare` has found it.
    slug : name of the test's files; made from the title where None.
    title, why : for people; made from the group where None.
    signal : what is compared per sample: loss, error, or a metric such as `1 - iou`. Where None it
        is error for a run that seeks by loss and is known to be right or wrong in every sample
        of the group, since a regression is seen sooner by it, unless the group stands out by loss
        alone; else the signal of the run, or of the comparison that found what got worse.
    margin : by how much its mean may be worse, at least 0, in the unit of the signal; set by what
        is at stake where None.

    Raises
    ------
    UsageError : not exactly one of `aggressor`, `where`, `hypothesis` and `worse`, no such rank,
        nothing compared yet, a taken or bad slug, an empty title or why, a signal or margin that
        is none.
    InputError : too few samples, a filter on what the model did, no such hypothesis, or a signal
        that the run lacks.
    FilterError : a filter that cannot be read.
    """
    if sum(given is not None for given in (aggressor, where, hypothesis, worse)) != 1:
        raise UsageError(
            "A test is saved from an aggressor, a hypothesis, a filter or what got worse: "
            "name one of them."
        )
    if slug is not None:
        check_slug(slug)
    title, why = _said(title, "title"), _said(why, "why")
    if margin is not None and not (math.isfinite(margin) and margin >= 0):
        raise UsageError(f"The margin must be at least 0 and finite; got {margin}.")
    path = run if isinstance(run, Path) else workspace.resolve(run)
    if worse is not None:
        path, group = of_worse(workspace, path, baseline, worse)
    with open_run(path) as opened:
        if aggressor is not None:
            group = of_aggressor(opened, aggressor)
        elif hypothesis is not None:
            group = of_hypothesis(opened, workspace, hypothesis)
        elif where is not None:
            group = of_filter(opened, expand(where, finder_on(opened, workspace)))
        draft = _draft(opened, group, signal, margin)
    test, samples = draft.test, draft.samples
    test = replace(test, slug=slug or "", title=title or test.title, why=why or test.why)
    if slug is None:
        test = write_numbered(workspace, test, samples, _slug(title or group.title))
    else:
        test = write_test(workspace, test, samples)
    ledger = Ledger.open(workspace)
    ledger.update()
    ledger.write()
    return test


def _said(text: str | None, what: str) -> str | None:
    """Put what people wrote on one line; raises UsageError where nothing is left."""
    if text is None:
        return None
    if not (said := one_line(text)):
        raise UsageError(f"The {what} is empty. Write a sentence, or leave it out.")
    return said


def _signal(run: RunFile, wanted: str) -> str:
    """Write a signal as tests keep it; raises UsageError, or InputError where the run lacks it."""
    try:
        signal = Signal.parse(wanted)
    except SettingsError as error:
        raise UsageError(
            f"A test's signal is {', '.join(BUILT_IN_SIGNALS)} or the name of a metric, such as "
            f"wer, or 1 - iou where higher is better; got {wanted!r}."
        ) from error
    metrics = metric_names(run)
    if signal.is_metric and signal.name not in metrics:
        known = ", ".join(dict.fromkeys(["loss", *(["error"] if run.classes else []), *metrics]))
        raise InputError(
            f"Run {run.info.name!r} has no {spoken(signal.name)!r} per sample; it has {known}."
        )
    if signal.name == "error" and not run.classes:
        raise InputError(
            f"Run {run.info.name!r} has no classes, so that no prediction is an error. Use loss."
        )
    return str(signal)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A test without a name, its samples, and whether they are materially worse than the rest."""

    test: SavedTest
    samples: pa.Table
    material: bool


def _draft(run: RunFile, group: Group, wanted: str | None, margin: float | None) -> _Draft:
    """Freeze a group by the signal that is asked for, else by the one that `save_test` names."""
    asked = _signal(run, wanted) if wanted is not None else group.signal
    own = asked or run.info.settings.signal
    table = held_out(run, [own])
    member = np.isin(_values(table, "row_id"), matching(run, group.members))
    if group.only_judges:
        member &= _values(table, "judges")
    by_own = _drafted_by(own, run, group, table, member, margin)
    if asked or own != "loss" or not run.classes or not _all_known(table, member):
        return by_own
    by_error = _drafted_by("error", run, group, table, member, margin)
    return by_own if by_own.material and not by_error.material else by_error


def _all_known(table: pa.Table, member: NDArray[np.bool_]) -> bool:
    """Whether every member is known to be right or wrong."""
    return int(table["error"].filter(pa.array(member)).null_count) == 0


def _drafted_by(
    signal: str,
    run: RunFile,
    group: Group,
    table: pa.Table,
    member: NDArray[np.bool_],
    margin: float | None,
) -> _Draft:
    """Measure the members in their own run; set the margin by what is at stake, unless given."""
    known = pc.is_valid(table[signal])
    table, member = table.filter(known), member[known.to_numpy()]
    if (n := int(member.sum())) < MIN_SAMPLES:
        raise _too_few(run, group, signal, n)
    samples = table.select(["sample_id", "label", signal]).filter(pa.array(member))
    samples = samples.rename_columns(["sample_id", "label", "signal"]).sort_by("sample_id")
    test = _described(run, group, signal, n)
    judged, frozen = signals_of(table, signal), signals_of(samples, "signal")
    found = measure(
        test,
        frozen,
        judged.at(frozen.ids),
        _values(table, "judges"),
        in_training=0,
        materiality=run.info.settings.materiality,
        is_source=True,
    )
    if margin is None:
        margin, origin = default_margin(signal, found.gap or 0.0, judged.value)
    else:
        margin, origin = float(margin), BY_HAND
    return _Draft(replace(test, margin=margin, margin_origin=origin), samples, found.material)


def _values(table: pa.Table, name: str) -> NDArray[Any]:
    return np.asarray(table[name].to_numpy(zero_copy_only=False))


def _too_few(run: RunFile, group: Group, signal: str, n: int) -> InputError:
    return InputError(
        f"{group.title!r} has {n} labeled samples with a known {spoken(signal)} outside "
        f"training in run {run.info.name!r}"
        f"{' that it was not found on' if group.only_judges else ''}; "
        f"a test needs at least {MIN_SAMPLES}. Choose a wider group."
    )


def _described(run: RunFile, group: Group, signal: str, n_samples: int) -> SavedTest:
    """Everything about a test but its names and its margin.

    Later models are held to the run of a model, whose predictions a derived run has.
    """
    info = run.info
    return SavedTest(
        slug="",
        title=group.title,
        why=group.why,
        signal=signal,
        margin=0.0,
        margin_origin="",
        rule=group.rule,
        samples=n_samples,
        source_run_id=info.model_run,
        source_run_name=info.derived_from_name or info.name,
        task=info.task,
        loss_name=info.loss_name,
        created_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
    )


def _slug(title: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", title.lower())[:48].strip("-") or "test"
    try:
        return check_slug(plain)
    except UsageError:  # a name that some system reserves
        return f"{plain}-test"
