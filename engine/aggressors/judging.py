"""How a saved test is judged: from signals to measurement, comparison, state and sentence.

Pure functions; `gate` feeds them from run files and from `verdicts/`.
"""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace

from aggressors.contracts import TestState, Verdict, VerdictWord
from aggressors.errors import InputError
from aggressors.joining import Pairs, Placed, Signals
from aggressors.stats.intervals import BoolArray, FloatArray, Interval
from aggressors.stats.paired import chance_difference, paired_difference, smallest_detectable
from aggressors.stats.severity import floor_of, loss_gap
from aggressors.store.saved_tests import MIN_SAMPLES, SavedTest
from aggressors.store.verdicts import Comparison, Entry, Measurement
from aggressors.words import number, spoken

LEVEL = 0.95
CERTAINTY = 0.95  # certainty, over all tests of a check, that it is no chance
ROUNDING = 1e-9  # of what chance makes, since it often is the very sum that was seen
MIN_SHARE = 0.5  # of the frozen samples must be there for a verdict


def default_margin(name: str, gap: float, signal: FloatArray) -> tuple[float, str]:
    """Margin of a new test, and where it comes from.

    A share of what is at stake, so that what another training seed alone changes seldom exceeds it
    surely: a twentieth by error, a tenth by loss, which a seed moves further. How this was measured
    stands in docs/benchmarks/track.md.

    Parameters
    ----------
    name : of the signal.
    gap : of the signal in the run that the test is saved on.
    signal : (n,) of all samples that are judged there.
    """
    share, words = margin_share(name)
    size, floor = _size(signal), floor_of(signal)
    if gap >= size:
        return significant(share * gap), f"{words} of its gap of {number(gap)} when saved"
    above = f", counted from the least of {number(floor)}" if floor else ""
    return significant(share * size), f"{words} of the mean of {number(size)} when saved{above}"


def margin_share(name: str) -> tuple[float, str]:
    """Share of what is at stake that is the default margin of a signal, and its name."""
    return (0.05, "a twentieth") if name == "error" else (0.1, "a tenth")


def _size(signal: FloatArray) -> float:
    """Mean signal above 0, or above the least one where that is negative."""
    return float(signal.mean()) - floor_of(signal)


def measure(
    test: SavedTest,
    frozen: Signals,
    judged: Placed,
    counts: BoolArray,
    *,
    in_training: int,
    materiality: float,
    is_source: bool,
) -> Measurement:
    """How a test's samples do in a run, beside the rest.

    Parameters
    ----------
    frozen : the test's samples with the signal of the run it was saved on.
    judged : where these are among the labeled samples of this run, without those it was trained on.
    counts : (n,) over all of the latter: False for samples that must not stand in the rest, since
        aggressors were sought among them or the test's rule describes them.
    in_training : frozen samples that are in this run's training population.
    materiality : share of the mean signal that the lower bound of a material gap exceeds.
    is_source : True when this is the run that the test was saved on.
    """
    rows, value = judged.rows, judged.signals.value
    here = rows >= 0
    n = int(here.sum())
    absent = len(frozen) - n - in_training
    member = np.zeros(len(value), dtype=np.bool_)
    member[rows[here]] = True
    base = Measurement(key=test.key, n=n, absent=absent, in_training=in_training)
    if n < _least(test):
        return base
    kept = member | counts
    try:
        gap = loss_gap(value[kept], member[kept], level=LEVEL)
    except InputError:  # nothing is left to compare the group with
        return replace(base, value=significant(float(value[rows[here]].mean())))
    material = gap.low > materiality * _size(value[kept])
    solves = not material and (is_source or _surely_better(value[rows[here]], frozen.value[here]))
    return replace(
        base,
        value=significant(gap.inside),
        rest=significant(gap.rest),
        gap=significant(gap.value),
        gap_low=significant(gap.low),
        gap_high=significant(gap.high),
        material=material,
        solves=solves,
    )


def _surely_better(value: FloatArray, reference: FloatArray) -> bool:
    if value.mean() >= reference.mean():
        return False  # for most of many tests, without an interval
    return paired_difference(value, reference, level=LEVEL).high < 0


def too_few(test: SavedTest, pairs: Pairs, *, in_training: int) -> str:
    """Why there is no comparison, in a sentence; '' where there are samples enough."""
    n = len(pairs.value)
    if n >= _least(test):
        return ""
    text = [f"Only {n} of its {test.samples} samples can be compared; {_least(test)} are needed."]
    if pairs.relabeled:
        text.append(_relabeled(pairs.relabeled))
    if in_training:
        text.append(_moved(in_training))
    return " ".join(text)


def compare(
    test: SavedTest, pairs: Pairs, *, baseline: str, baseline_name: str, n_tests: int
) -> Comparison:
    """Judge one test: the paired difference and its interval against the margin.

    Parameters
    ----------
    n_tests : tests compared in the same check, which together fail by chance in one of twenty.

    Notes
    -----
    A failure asks for more than chance among the samples makes of two equal models in one check of
    twenty, whatever the number of tests. What another training seed changes is for the margin.
    """
    value, reference = pairs.value, pairs.reference
    near = paired_difference(value, reference, level=LEVEL)
    chance = chance_difference(value, reference, certainty=CERTAINTY, n_tests=n_tests)
    spread = float(np.std(value - reference, ddof=1))
    seen = test.margin + _noticed(len(value), spread, n_tests)
    return Comparison(
        baseline=baseline,
        baseline_name=baseline_name,
        margin=test.margin,
        n_tests=n_tests,
        n=len(value),
        relabeled=pairs.relabeled,
        value=significant(float(value.mean())),
        reference=significant(float(reference.mean())),
        difference=significant(near.value),
        low=significant(near.low),
        high=significant(near.high),
        chance=significant(chance),
        detectable=significant(seen),
        verdict=decided(near, chance, test.margin),
    )


def decided(change: Interval, chance: float, margin: float) -> VerdictWord:
    """Verdict about a change with its 95 % interval, and what chance alone makes of it."""
    if surely_worse(change.value, chance, margin):
        return "fail"
    if change.high < margin or (change.high <= 0 and change.low == change.high):
        return "pass"
    return "inconclusive"


def surely_worse(difference: float, chance: float, margin: float) -> bool:
    """Tell whether chance and the margin together cannot be why a mean is worse."""
    return difference - margin > chance * (1 + ROUNDING)


def likely_detectable(signal: FloatArray, margin: float, n_tests: int) -> float:
    """Smallest worsening that would fail with 80 % probability, where one model is known alone.

    Taken as if the next model's signals had nothing in common with this one's, which doubles the
    variance of a difference; two models of one task mostly agree, and then less is seen.

    Parameters
    ----------
    signal : (n,) of the frozen samples, at least 2.
    n_tests : tests of a check.
    """
    spread = 2**0.5 * float(np.std(signal, ddof=1))
    return significant(margin + _noticed(len(signal), spread, max(n_tests, 1)))


def _noticed(n: int, spread: float, n_tests: int) -> float:
    """Smallest worsening that chance alone would not be taken for, with 80 % probability."""
    return smallest_detectable(n, spread, level=2 * CERTAINTY - 1, n_tests=n_tests)


def next_state(state: TestState, entry: Entry) -> TestState:
    """State of a test after one more run; it begins open."""
    if state == "open":
        return "solved" if entry.measurement.solves else "open"
    word = entry.comparison.verdict if entry.comparison else "missing"
    if word == "fail":
        return "regressed"
    return "solved" if word == "pass" else state


def verdict_of(test: SavedTest, entry: Entry, state: TestState, *, run_id: str) -> Verdict:
    """Put one test's result for one run into words."""
    found, compared = entry.measurement, entry.comparison
    return Verdict(
        slug=test.slug,
        state=state,
        verdict=compared.verdict if compared else "missing",
        n=compared.n if compared else found.n,
        value=compared.value if compared else found.value,
        reference=compared.reference if compared else None,
        difference=compared.difference if compared else None,
        low=compared.low if compared else None,
        high=compared.high if compared else None,
        reason=_sentence(test, entry, state, run_id=run_id),
        title=test.title,
        signal=test.signal,
        margin=test.margin,
        margin_origin=test.margin_origin,
        baseline=compared.baseline if compared else "",
        baseline_name=compared.baseline_name if compared else "",
        detectable=compared.detectable if compared and compared.baseline != run_id else None,
        gap=found.gap,
        gap_low=found.gap_low,
        gap_high=found.gap_high,
    )


def _sentence(test: SavedTest, entry: Entry, state: TestState, *, run_id: str) -> str:
    compared = entry.comparison
    if compared is None:
        return entry.measurement.problem or entry.unpaired
    text = _compared(test, compared, run_id)
    extra = []
    if compared.relabeled:
        extra.append(_relabeled(compared.relabeled))
    if entry.measurement.in_training:
        extra.append(_moved(entry.measurement.in_training))
    if state == "open" and entry.measurement.gap is not None:
        gap = entry.measurement
        extra.append(
            f"Still open: its gap to the rest is {number(gap.gap)} "
            f"({number(gap.gap_low)} to {number(gap.gap_high)})."
        )
    return " ".join([text, *extra])


def _compared(test: SavedTest, it: Comparison, run_id: str) -> str:
    same, what = f"on the same {it.n:,} samples", spoken(test.signal)
    if it.baseline == run_id:
        return f"Mean {what} {number(it.value)} {same}; this run is the test's own baseline."
    margin = f"the margin of {number(it.margin)}"
    text = (
        f"Mean {what} {number(it.value)} against {number(it.reference)} under "
        f"{it.baseline_name!r} {same}"
    )
    change = f"{number(abs(it.difference))} ({_span(it)})"
    if it.verdict == "fail":
        return (
            f"{text}: worse by {change}, where {number(it.chance + it.margin)} is allowed: "
            f"{margin}, and {number(it.chance)} that chance makes of two equal models"
            f"{_over_all(it)}."
        )
    if it.verdict == "pass":
        if it.high < 0:
            return f"{text}: better by {change}."
        return f"{text}: no worse, the change {_signed(it)} stays within {margin}."
    why = f"the change {_signed(it)} may lie on either side of {margin}"
    if it.low > it.margin:
        why = (
            f"worse by {change}, but chance may make {number(it.chance)} of two equal models"
            f"{_over_all(it)}"
        )
    return f"{text}: {why}; a worsening below {number(it.detectable)} may pass unseen."


def _over_all(it: Comparison) -> str:
    return f" over all {it.n_tests} tests of the check" if it.n_tests > 1 else ""


def _span(it: Comparison) -> str:
    ends = sorted((abs(it.low), abs(it.high)))
    return f"{number(ends[0])} to {number(ends[1])}"


def _signed(it: Comparison) -> str:
    return f"{it.difference:+.3g} ({it.low:+.3g} to {it.high:+.3g})"


def _relabeled(count: int) -> str:
    return f"{count} with another label than under the baseline are left out."


def _moved(count: int) -> str:
    return f"{count} are in the training population of this run and left out."


def _least(test: SavedTest) -> int:
    return max(MIN_SAMPLES, round(MIN_SHARE * test.samples))


def significant(value: float) -> float:
    """Seven significant digits: enough for any verdict, and a diff that can be read."""
    return float(f"{value:.7g}")
