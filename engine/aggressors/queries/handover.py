"""What each action hands over: what to do, why, with what, and what it is expected to win."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, cast, get_args

from aggressors.contracts import EVERYTHING, Action, Condition, Filter
from aggressors.queries.attention import attention
from aggressors.queries.concept import concept, confusion, told
from aggressors.queries.explore import reliability
from aggressors.queries.findings import Finding, findings
from aggressors.queries.grammar import both
from aggressors.queries.scope import fetch_rows
from aggressors.queries.solve import action as recommended
from aggressors.queries.solve import candidate_count
from aggressors.snippets import augmentation as snippet
from aggressors.snippets import is_known, name_of
from aggressors.stats.calibration import Calibration
from aggressors.stats.diagnosis import Reason, Win
from aggressors.stats.reasons import PROBE, is_verified
from aggressors.stats.told import apart
from aggressors.words import attention_sentence, counted, percent

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

COUNTS = 0.5  # weight from which a piece of evidence speaks for its action by itself
LEAST = 50  # samples below which asking for more is not worth a trip
MOST = 1_000  # from which on labeling in steps and looking again is cheaper


@dataclass(frozen=True, slots=True)
class Advice:
    """One action: its place (1 = first), why in a sentence, its evidence, and what it may win.

    `win` is None for a run that was made before wins were kept.
    """

    action: Action
    place: int
    sentence: str
    reasons: tuple[Reason, ...]
    win: Win | None


def ranked(run: RunFile, concept_id: int) -> tuple[Advice, ...]:
    """Rank all actions for an aggressor, the first to take first.

    Raises
    ------
    UsageError : the concept is no aggressor.
    """
    first = recommended(run, concept_id).action
    found, wins = apart(told(run, concept_id))
    by_action = {one.action: one for one in wins}
    of = {one: tuple(each for each in found if each.action == one) for one in get_args(Action)}
    order = list(by_action) or sorted(of, key=lambda one: -_weight(of[one]))
    order = [first, *(one for one in [*order, *of] if one != first)]
    return tuple(
        Advice(one, place, _why(one, of[one]), of[one], by_action.get(one))
        for place, one in enumerate(dict.fromkeys(order), start=1)
    )


def _weight(reasons: tuple[Reason, ...]) -> float:
    return max((one.weight for one in reasons), default=0.0)


def _why(action: Action, reasons: tuple[Reason, ...]) -> str:
    """Say why, by the piece of evidence that weighs most."""
    known = [one for one in reasons if one.value is not None]
    if not known:
        return reasons[0].sentence if reasons else _UNMEASURED[action]
    best = max(known, key=lambda one: one.weight)
    if best.weight >= COUNTS:
        return best.sentence
    return f"{'too little' if best.weight > 0 else 'nothing'} speaks for it: {best.sentence}"


_UNMEASURED = {
    "collect": "how well train covers the group is unknown",
    "augment": "no field and no transformation was tried",
    "relabel": "whether labels are wrong is unknown: that takes embeddings",
    "remove": "whether inputs can be read is unknown",
    "review_model": "what is left where nothing else explains it",
}


# --- Augment ---


@dataclass(frozen=True, slots=True)
class Tried:
    """A transformation of clean samples: what it did, and whether that is what ails the members."""

    transform: str
    name: str
    strength: float
    moved: float
    low: float | None
    high: float | None
    alike: float | None
    verified: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Augmentation:
    """What to vary in training: what was tried, the best first, and code for it; '' without any.

    `said` tells in a sentence what the code is for, or why there is none.
    """

    tried: tuple[Tried, ...]
    snippet: str
    said: str


def augmentation(run: RunFile, concept_id: int) -> Augmentation:
    """Tell which transformation makes clean samples fail as the members do, with code for it."""
    found, _ = apart(told(run, concept_id))
    tried = tuple(_tried(one) for one in found if _is_probe(one))
    best = next((one for one in tried if one.verified), None)
    if best is not None:
        return Augmentation(
            tried,
            snippet(best.transform, best.strength),
            f"{best.name} makes clean samples fail in the same way: {percent(best.moved)} of the "
            "way to the loss of the members. This code varies it in training.",
        )
    shortcut = next((one for one in found if one.evidence == "shortcut" and one.weight > 0.5), None)
    if shortcut is not None:
        return Augmentation(
            tried,
            "",
            f"Break the link in training: {shortcut.sentence}. No transformation that was tried "
            "does; Collect fetches samples that do.",
        )
    if tried:
        return Augmentation(
            tried, "", "No transformation that was tried makes clean samples fail as members do."
        )
    if _holds_text(run):
        return Augmentation(
            (), "", "Texts can be paraphrased for training; whether that helps is not verified."
        )
    return Augmentation((), "", "No transformation was tried: that takes a model of images.")


def _is_probe(one: Reason) -> bool:
    known = is_known(one.evidence.removeprefix(PROBE)) and one.strength is not None
    return one.evidence.startswith(PROBE) and known and one.value is not None


def _tried(one: Reason) -> Tried:
    transform, strength = one.evidence.removeprefix(PROBE), cast(float, one.strength)
    moved = cast(float, one.value)
    verified = is_verified(moved, one.low or 0.0, one.alike or 0.0)
    return Tried(
        transform, name_of(transform, strength), strength, moved, one.low,
        one.high, one.alike, verified, one.sentence,
    )  # fmt: skip


def _holds_text(run: RunFile) -> bool:
    rows = fetch_rows(run, "SELECT 1 FROM media WHERE text IS NOT NULL LIMIT 1")
    return bool(rows)


# --- Collect ---


@dataclass(frozen=True, slots=True)
class Recording:
    """What to record in the field.

    `rule` is a filter, '' where no rule is clear, with its precision and recall; `claims` say what
    else goes with the members; `lacking` is how many samples train lacks to hold as large a share
    as the analysed population, None where it lacks none or there is no train; `candidates` is how
    many of the `unlabeled` samples are ranked by how alike they are, whatever they are, and
    `expected` how many of those are such samples.
    """

    rule: str
    precision: float | None
    recall: float | None
    claims: tuple[Finding, ...]
    lacking: int | None
    unlabeled: int
    candidates: int
    expected: float
    sentence: str


def recording(run: RunFile, concept_id: int, most: int = 3) -> Recording:
    """Say what to record in the field, in words and as a rule.

    Parameters
    ----------
    most : most claims beside the rule.
    """
    rule = concept(run, concept_id).rule
    found = [one for one in findings(run, concept_id).found if one.role in _ROLES][:most]
    lacking, candidates = _lacking(run, concept_id), candidate_count(run, concept_id)
    unlabeled, expected = run.populations.get("unlabeled", 0), _expected(run, concept_id)
    what = rule.text or (found[0].filter or found[0].head if found else "")
    count = f" {lacking:,}" if lacking else ""
    sentence = (
        f"Record{count} samples with {what}"
        if what
        else f"Record{count} samples like the members: no field tells them"
    )
    if candidates:
        sentence += f". {_among(unlabeled, candidates, expected)}"
    return Recording(
        rule.text, rule.precision, rule.recall, tuple(found), lacking, unlabeled, candidates,
        expected, f"{sentence}.",
    )  # fmt: skip


def _expected(run: RunFile, concept_id: int) -> float:
    sql = "SELECT coalesce(sum(chance), 0) FROM candidates WHERE concept_id = $concept"
    return float(fetch_rows(run, sql, params={"concept": concept_id})[0][0])


def _among(unlabeled: int, candidates: int, expected: float) -> str:
    """Say how many unlabeled samples were ranked, which is a limit, and how many are such ones."""
    such = round(expected, 2 - len(str(round(expected)))) if expected >= 100 else round(expected)
    about = f"about {such:,.0f} of these" if such else "hardly any of these"
    ranked = f"Of {unlabeled:,} unlabeled samples the {candidates:,} most alike are ranked"
    if candidates == unlabeled:
        ranked = f"All {counted(unlabeled, 'unlabeled sample')} are ranked"
    return f"{ranked}; {about} are expected to be such samples"


_ROLES = ("defining", "part", "common", "frequent")


def _lacking(run: RunFile, concept_id: int) -> int | None:
    sql = """
        SELECT count(*) FILTER (s.population = 'train'),
            count(*) FILTER (s.population = 'train' AND a.row_id IS NOT NULL),
            count(*) FILTER (s.fold IS NOT NULL),
            count(*) FILTER (s.fold IS NOT NULL AND a.row_id IS NOT NULL)
        FROM samples s
        LEFT JOIN (SELECT row_id FROM assignments WHERE concept_id = $concept) a USING (row_id)
    """
    train, inside, analysed, members = fetch_rows(run, sql, params={"concept": concept_id})[0]
    if not train or not analysed:
        return None
    share = members / analysed
    if share <= 0 or share >= 1 or inside / train >= share / 2:
        return None  # it holds enough: at least half as large a share
    wanted = (share * train - inside) / (1 - share)
    return int(min(max(ceil(wanted), LEAST), MOST))


# --- Review the model ---


@dataclass(frozen=True, slots=True)
class Confused:
    """A label taken for another: how often, as a share of the label inside and of it elsewhere."""

    label: str
    prediction: str
    n: int
    share: float
    elsewhere: float


@dataclass(frozen=True, slots=True)
class Review:
    """What to look at in the model: mistakes, how sure it is, and where it looks.

    `confused` are the mistakes inside, the most frequent first; `inside` and `rest` how sure the
    model is against how often it is right, None where that is unknown; `attention` a sentence, ''
    where nothing is clear. Heatmaps are in `queries.attention.looks`.
    """

    confused: tuple[Confused, ...]
    inside: Calibration | None
    rest: Calibration | None
    attention: str
    sentence: str


def review(run: RunFile, concept_id: int, filter: Filter = EVERYTHING, most: int = 5) -> Review:
    """Compare mistakes, confidence and attention of the members with those of the rest.

    Parameters
    ----------
    filter : samples in scope; by default all that are labeled.
    most : most mistakes listed.
    """
    member = Condition("concept", "=", (concept_id,))
    others = Condition("concept", "!=", (concept_id,))
    inside, rest = both(member, filter), both(others, filter)
    elsewhere = {
        (row["label"], row["prediction"]): row["share"] for row in confusion(run, rest).to_pylist()
    }
    mistakes = [row for row in confusion(run, inside).to_pylist()
                if row["label"] != row["prediction"]]  # fmt: skip
    mistakes.sort(key=lambda row: (-row["n"], row["label"], row["prediction"]))
    confused = tuple(
        Confused(row["label"], row["prediction"], row["n"], row["share"],
                 elsewhere.get((row["label"], row["prediction"]), 0.0))
        for row in mistakes[:most]
    )  # fmt: skip
    sure, usual = reliability(run, inside), reliability(run, rest)
    return Review(
        confused, sure, usual, attention_sentence(attention(run, concept_id)), _sure(sure, usual)
    )


def _sure(inside: Calibration | None, rest: Calibration | None) -> str:
    """Say how sure the model is inside, against how often it is right."""
    if inside is None:
        return ""
    said = (
        f"Inside, the model is {percent(inside.mean_confidence)} sure and right "
        f"{percent(inside.mean_accuracy)} of the time"
    )
    if rest is None:
        return f"{said}."
    return f"{said}; elsewhere {percent(rest.mean_confidence)} and {percent(rest.mean_accuracy)}."
