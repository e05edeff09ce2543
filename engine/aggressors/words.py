"""Words and numbers that terminal, report and dashboard share; standard library only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from aggressors.contracts import (
    CONFIDENCE_GAP,
    WELL,
    Aggressor,
    Attention,
    DiscoveryFacts,
    Provenance,
    Verdict,
)

if TYPE_CHECKING:
    from aggressors.stats.claims import Tested
    from aggressors.stats.intervals import Interval

ACTION_NAMES = {
    "collect": "collect",
    "augment": "augment",
    "relabel": "relabel",
    "remove": "remove",
    "review_model": "review model",
}
# What a team decided about an aggressor, as it stands on screen.
STATES = {
    "new": "new",
    "accepted": "accepted",
    "dismissed": "dismissed",
    "being-fixed": "being fixed",
    "fixed": "fixed",
    "back": "back",
}
ADVICE = {
    "collect": "Label more samples like these; they are rare in training.",
    "augment": "Vary this condition in training; the model leans on it.",
    "relabel": "Correct the labels inside; many look wrong.",
    "remove": "Take these samples out; labels or inputs are noise.",
    "review_model": "Look at the model; these samples are hard, and nothing else explains it.",
}
# What the expected win of an action is, since each is worked out in another way.
WINS = {
    "collect": "A model trained on such labels is expected to shed that share of all loss.",
    "augment": "A model trained with it may shed up to that share of all loss.",
    "relabel": "That share of all loss goes with the wrong labels, before any training: the same "
    "model, judged by better labels.",
    "remove": "That share of all loss is no longer counted: the model does no better on such "
    "samples.",
    "review_model": "",
}
SEARCHES = {
    "clusters": "clusters of the embedding",
    "tree": "regions of the embedding",
    "tree drawn by loss": "bad regions of the embedding",
    "tree across labels": "what samples of all labels have in common",
    "tree across labels drawn by loss": "what samples of all labels have in common",
    "inside one label": "regions inside one label",
    "direction": "directions in the embedding",
    "region and rule": "what of a region fulfils a condition",
    "rule": "rules over metadata",
    "metadata tree": "a tree over metadata",
}
NONE_FOUND = "No aggressor"
MAP_NAMES = {
    "core": "failing members",
    "members": "all members",
    WELL: "same label, right",
    "rest": "the rest",
}
LEFT_OUT = {  # why a field is not related to anything, as screening has it
    "no value": "no value",
    "one value": "the same everywhere",
    "identifier": "tells samples apart",
    "text": "free text",
    "many values": "too many values",
}
METHOD_NAMES = {
    "grad-cam": "Grad-CAM",
    "grad-cam++": "Grad-CAM++",
    "hirescam": "HiResCAM",
    "eigencam": "EigenCAM",
}
# How a verdict stands on a page, told apart without colour; see `verdict_word`.
VERDICT_GLYPHS = {
    "pass": "✓",
    "fail": "✕",
    "inconclusive": "?",
    "missing": "∅",
    "baseline": "◆",
}
THIN = "\u202f"  # a narrow space that does not break
# Where a break keeps a reader of Markdown from making a link or a mention.
_ADDRESS = re.compile(r"(?<=://)|(?<=www)(?=\.)|(?<=@)", re.IGNORECASE)
_MINUS = re.compile(r"(?<=[ (])-(?=\d)")
_PERCENT = re.compile(r"(?<=\d) ?%")
CLEAR_ATTENTION = 0.02  # a difference of shares is told where all of its interval is further from 0


def number(value: float | None) -> str:
    """Write a number as sentences do: three significant digits, or all of a whole number."""
    if value is None:
        return "–"
    if 1000 <= abs(value) < 1e7:
        return f"{value:,.0f}"
    short = float(f"{value:.3g}")
    return f"{short:,.10g}" if abs(value) < 1000 else f"{short:.3g}"


def percent(share: float, digits: int = 0) -> str:
    """Write a share as sentences do: 38 %, 0.3 %."""
    return f"{100 * share:.{digits}f} %"


def titled(text: str) -> str:
    """Begin a text with a capital, and leave the rest as it is."""
    return text[:1].upper() + text[1:]


def unlinked(text: str) -> str:
    """Text from data in which no web address, mail address or mention is one any more."""
    return _ADDRESS.sub("\u2060", text)  # invisible, and no part of an address


def typeset(text: str) -> str:
    """Names, filters and sentences as they stand on screen: ≥, ≤, −, and one space before %."""
    text = text.replace(">=", "≥").replace("<=", "≤")
    text = _MINUS.sub("−", text)
    return _PERCENT.sub(f"{THIN}%", text)


def verdict_word(verdict: Verdict, run_id: str) -> str:
    """Verdict in a word; a run that a test is measured against cannot pass it."""
    own = verdict.baseline == run_id and verdict.verdict == "pass"
    return "baseline" if own else verdict.verdict


def nothing_found(facts: DiscoveryFacts, signal: str) -> tuple[str, str]:
    """Title and sentence of a run without a confirmed aggressor: what there was to find it with."""
    n, what = facts.n_discover + facts.n_confirm, spoken(signal)
    if n < facts.needed:
        few = "1 sample is" if n == 1 else f"{n:,} samples are"
        return "Too few samples to tell", (
            f"{few} too few to confirm anything; about {facts.needed:,} are needed."
        )
    if not facts.searchable:
        return "Nothing to search in", (
            "The samples have neither metadata nor embeddings, so no group could be tested. Add "
            "columns to the table, or metadata functions to the integration file."
        )
    if not facts.varies:
        return "Nothing to tell apart", (
            f"The {what} of all {n:,} samples is the same, so no group can do worse than the rest."
        )
    tested = f"None of {facts.tested:,} groups tested" if facts.tested else "No group of samples"
    return NONE_FOUND, (
        f"{tested} is proven to do worse than the rest; more samples would show smaller groups."
    )


def failing_of(found: Iterable[Aggressor]) -> str:
    """Head a column that counts the failing members: of all, or of those with a value."""
    return "Failing/known" if any(one.n_known < one.n for one in found) else "Failing/all"


def without_value(one: Aggressor, signal: str) -> str:
    """Say how many members have no value of the signal; '' where all have one."""
    unknown = one.n - one.n_known
    if not unknown:
        return ""
    return f"{unknown:,} {'has' if unknown == 1 else 'have'} no {spoken(signal)}"


def spoken(signal: str) -> str:
    """Name of a signal as sentences say it: confidence gap, error, 1 - iou."""
    return "confidence gap" if signal == CONFIDENCE_GAP else signal


NOT_JUDGED = "not judged"  # of a hypothesis where the run cannot judge it


def support_sentence(
    found: Tested, signal: str, group: str, confounders: Sequence[str] = ()
) -> str:
    """Say what a claim explains of a group, on samples on which nothing was sought.

    Parameters
    ----------
    signal : what the gap is in, as `spoken` says it.
    group : what the group is called: aggressor 3.
    confounders : fields that were held still beside the label.
    """
    alike = f"others with the same {listed(['labels', *confounders])}"
    others = f"for {alike}" if found.strata > 1 else "elsewhere"
    if found.coverage is None or found.failing is None or found.gap is None:
        return (
            f"The half that judges holds {counted(found.n_claim, 'such sample')} and "
            f"{counted(found.n_group, 'member')} of {group}: too few."
        )
    text = f"The claim holds for {_of_all(found.coverage)} of {group}"
    if found.adjusted is None:
        return f"{text}, but there are no {alike} to compare with."
    gap = found.adjusted
    more = "higher" if gap.value >= 0 else "lower"
    low, high = sorted((abs(gap.low), abs(gap.high))) if gap.low * gap.high > 0 else (0.0, 0.0)
    bounds = f"{number(low)} to {number(high)}" if high else "which may be chance"
    text += (
        f". Where it holds, mean {signal} is {number(abs(gap.value))} {more} than {others} "
        f"({bounds})"
    )
    if found.explained is not None and found.group_gap is not None:
        such = " to such others" if found.strata > 1 else ""
        own = number(found.group_gap.value)
        text += f"; of the gap of {group}{such}, {own}, it explains "
        text += percent(found.explained)
    return f"{text}.{_short_of(found)}"


def place_of_gap(population: str, fold: str) -> str:
    """Name where a gap was seen: a population, or the half of it that judges."""
    return f"{population}, the half that judges" if fold else population


def reshuffled_sentence(p_value: float, n: int, of: int, times: int) -> str:
    """Say how often chance does as much harm as a claim."""
    samples = f"all {of:,} samples" if n == of else f"{n:,} of {of:,} samples"
    return (
        f"Dealt out at random among others alike, {times:,} times over {samples}: "
        f"p {dealt_p_value(p_value, times)}."
    )


def dealt_p_value(p_value: float, times: int) -> str:
    """Write the p-value of a claim that was dealt out so many times."""
    return bounded_p_value(p_value, 2 / (times + 1))  # what follows the least there can be


def bounded_p_value(p_value: float, floor: float) -> str:
    """Write a p-value, or that it lies below a bound beyond which its digits say nothing."""
    return f"below {number(floor)}" if p_value < floor else number(p_value)


def _short_of(found: Tested) -> str:
    """Say what a claim that is supported in part lacks of a cause; '' for any other."""
    if found.support != "partly":
        return ""
    may_hold = "holds" if found.misses_most else "may hold"
    lacks = [
        words
        for lacking, words in (
            (not found.covers, f"it {may_hold} for less than half of the members"),
            (not found.explains, "more than half of the gap stays without it"),
            (not found.as_bad, "it is too wide, its own gap being less than half as large"),
        )
        if lacking
    ]
    return f" In part only: {listed(lacks)}."


def _of_all(found: Interval) -> str:
    return f"{percent(found.value)} ({100 * found.low:.0f} to {percent(found.high)})"


def significance(q_value: float) -> str:
    """Write a q-value as sentences do: q = 0.012, or q < 0.001."""
    return f"q = {number(q_value)}" if q_value >= 0.001 else "q < 0.001"


def how_found(found: Provenance, q_value: float) -> str:
    """Say what was done to find a group, and how surely its judgement holds."""
    told = []
    if found.found_by:
        told.append(f"Found by the search for {_searched(found.found_by, found.space)}")
    if found.merged and found.tested:
        tells = "tells" if found.merged == 1 else "tell"
        told.append(f"{found.merged:,} of {found.tested:,} tested proposals {tells} of it")
    if found.coherence is not None:
        near = "neighbours of its label" if found.inside_label else "neighbours"
        told.append(f"{round(10 * found.coherence)} of a member's 10 {near} are members")
    if found.n_confirm is not None:
        judges = counted(found.n_confirm, "unseen member")
        told.append(f"judged by {judges}, {significance(q_value)}")
    return "; ".join(told) + "." if told else ""


def _searched(found_by: str, space: str) -> str:
    """Name a search, and the space in which it looked where that is not the embedding."""
    what, there = SEARCHES.get(found_by, found_by), f"the {space} space"
    if not space:
        return what
    if "the embedding" in what:
        return what.replace("the embedding", there)
    return f"{what}, in {there}"


def derivation(name: str, added: Sequence[str]) -> str:
    """Say what a run is: derived from v1, with vegetation added; '' where it is not derived."""
    if not name:
        return ""
    return f"derived from {name}, with {listed(added)} added" if added else f"derived from {name}"


def decided(word: str, author: str, run_name: str, when: str) -> str:
    """Say who decided what about an aggressor: dismissed by ana on v1, 2026-11-27 12:00."""
    said = "taken back" if word == "new" else STATES[word]
    return (
        f"{said} by {author} on {run_name}, {when}" if author else f"{said} on {run_name}, {when}"
    )


def listed(names: Sequence[str], total: int | None = None, most: int = 3) -> str:
    """List names as sentences do: a, b and c; or the first ones and how many more of `total`."""
    hidden = (len(names) if total is None else total) - most
    shown = [*names[:most], *([f"{hidden:,} more"] if hidden > 0 else [])]
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def is_clear(one: Attention) -> bool:
    """Tell whether a number of heatmaps differs from its reference by more than a trifle.

    The intervals of one aggressor hold together, so that the largest of several may be told.
    """
    low, high = one.difference_low, one.difference_high
    if low is None or high is None:
        return False
    least = 0.0 if one.measure == "strength" else CLEAR_ATTENTION
    return low > least or high < -least


def attention_sentence(found: Iterable[Attention]) -> str:
    """Say what differs most in where the model looks; '' where no difference is clear."""
    told = [one for one in found if one.measure in _ATTENTION and is_clear(one)]
    if not told:
        return ""
    one = max(told, key=lambda one: abs(one.difference or 0.0))
    other = one.value - (one.difference or 0.0)
    who = {"core": "Failing members", "members": "Members"}.get(one.of, "Inside")
    return _ATTENTION[one.measure].format(
        who=who, whose=who.lower(), value=percent(one.value), other=percent(other)
    )


_ATTENTION = {
    "border": "{who}: {value} of the attention in the border, {other} for the same labels handled "
    "well.",
    "concentration": "{who}: {value} of the attention in a tenth of the picture, {other} for the "
    "same labels handled well.",
    "distance": "Where {whose} are mistaken, {value} of the attention lies elsewhere than for the "
    "true class; {other} in other mistakes with their labels.",
}


def counted(n: int, what: str) -> str:
    """Count things: 1 sample, 1,200 samples."""
    return f"{n:,} {what}{'s' * (n != 1)}"


def duration(seconds: float) -> str:
    """Write seconds as a person says them: 0.4 s, 12 s, 3 min 05 s, 2 h 10 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def times(more: float | None) -> str:
    """How many times as frequent a word is inside: 12x, 1.6x, or only here."""
    if more is None:
        return "only here"
    return f"{more:.0f}×" if more >= 9.5 else f"{more:.1f}×"


def how_unusual(side: str, tail: float) -> str:
    """Say how far out a value lies: top 1 %, lowest 0.2 %, rare, 1 %."""
    size = f"{max(100 * tail, 0.01):.1g}" if tail < 0.01 else f"{100 * tail:.0f}"
    return {"high": f"top {size} %", "low": f"lowest {size} %"}.get(side, f"rare, {size} %")
