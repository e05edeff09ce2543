"""From evidence to ranked actions: a short list of rules, each with its reason in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import exp, log
from typing import Any

from aggressors.contracts import Action
from aggressors.words import ACTION_NAMES, number, percent

COVERAGE = 0.09  # nats by which train lies farther from members than from the rest
SHORTFALL = 0.7  # nats by which the share in train falls short of the share analysed: one half
SHORTCUT = 0.42
BROKEN = 0.4  # nats by which samples that break a shortcut are rarer in train: a third
UNREADABLE = 0.4
ONE_SIDED = 0.75  # nats; a group of bad inputs crosses labels
ORDINARY = 0.55
ORDINARY_ALONE = 0.65  # where the model's confidence is unknown
DISAGREEMENT = 0.12
CONFIDENT = 0.12


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was measured about one aggressor; None where the run cannot tell.

    Parameters
    ----------
    coverage : log distance to train minus log distance within the analysed population, members
        minus the rest, in nats; positive where train has few such samples.
    share_train, share_analysed : share of either population that belongs to the group.
    shortcut, shortcut_field, shortcut_class : how far one field tells a class in train while the
        members break that, in [0, 1]; the field and the class.
    shortcut_shortfall : how much rarer such breaking members are in train, in nats.
    unreadable, unreadable_rest : share of inputs that are too flat or too noisy, or mostly missing.
    skill : how far the model beats the most frequent label on those, 0 = not at all, 1 = always
        right.
    one_sided : divergence of the labels inside from those of all, in nats.
    ordinary : share of neighbours that carry the predicted label around members where the model
        is wrong, over the same around samples where it is right; 1 = they look like ordinary
        samples of the class that the model names.
    label_entropy, prediction_entropy : mixture of labels and of predictions inside, in nats.
    disagreement, disagreement_rest : share whose neighbours mostly carry another label.
    confident, confident_rest : share that the model confidently takes for another class.
    gap_train : mean signal of the analysed members minus that of the members in train.
    signal : what the signal is called.
    """

    coverage: float | None = None
    share_train: float | None = None
    share_analysed: float | None = None
    shortcut: float | None = None
    shortcut_shortfall: float | None = None
    shortcut_field: str = ""
    shortcut_class: str = ""
    unreadable: float | None = None
    unreadable_rest: float = 0.0
    skill: float | None = None
    one_sided: float | None = None
    ordinary: float | None = None
    label_entropy: float | None = None
    prediction_entropy: float | None = None
    disagreement: float | None = None
    disagreement_rest: float = 0.0
    confident: float | None = None
    confident_rest: float = 0.0
    gap_train: float | None = None
    signal: str = "loss"


@dataclass(frozen=True, slots=True)
class Reason:
    """One piece of evidence: the action it speaks about, and how much (`weight` in [-1, 1]).

    A negative weight speaks against the action. `value` and `reference` are None where the
    evidence could not be measured.
    """

    action: Action
    evidence: str
    value: float | None
    reference: float | None
    weight: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Actions from first to last, and the reasons: those of the first action first."""

    actions: tuple[Action, ...]
    reasons: tuple[Reason, ...]


def recommend(evidence: Evidence) -> Recommendation:
    """Choose the action that the evidence speaks for, by rules in a fixed order.

    Notes
    -----
    1. A field that tells a class in train fails on the members, and train holds few that break
       it: `augment`.
    2. Train covers the members worse than the rest: `collect`.
    3. Inputs are unreadable, over several labels, and the model cannot read them: `remove`.
    4. Neighbours contradict the labels more often than elsewhere, the model does so with
       confidence, and where it is wrong the samples look like ordinary samples of the class it
       names: `relabel`.
    5. Else `review_model`: hard, and nothing that was measured explains it.

    The other actions follow by how near their rule came.
    """
    strength = _strengths(evidence)
    fits = [action for action in strength if strength[action] > 1]
    first: Action = fits[0] if fits else "review_model"
    others = sorted((action for action in strength if action != first), key=lambda a: -strength[a])
    reasons = sorted(
        _reasons(evidence, strength, first),
        key=lambda reason: (reason.action != first, reason.value is None, -abs(reason.weight)),
    )
    return Recommendation((first, *others), tuple(reasons))


def remembering(measured: Evidence, reasons: Iterable[Reason]) -> Evidence:
    """Fill in what takes embeddings, probabilities or all fields, as reasons have it.

    Parameters
    ----------
    measured : the same aggressor, looked at again with less to go by.
    reasons : those that were given when all of it was there.
    """
    by_name = {reason.evidence: reason for reason in reasons}
    known: dict[str, Any] = {}
    for name in ("unreadable", "disagreement", "confident"):
        if one := by_name.get(name):
            known |= {name: one.value, f"{name}_rest": one.reference or 0.0}
    if one := by_name.get("ordinary"):
        known["ordinary"] = one.value
    if (one := by_name.get("coverage")) and one.value is not None and one.value > 0:
        known["coverage"] = log(one.value)
    return replace(measured, **known)


def _strengths(e: Evidence) -> dict[Action, float]:
    """How far each rule is met, in the order in which they are asked; above 1 = met."""
    rare = _rarity(e)
    shortcut = (e.shortcut or 0.0) / SHORTCUT
    unreadable = (e.unreadable or 0.0) * (1 - (e.skill or 0.0)) / UNREADABLE
    if e.one_sided is not None and e.one_sided >= ONE_SIDED:
        unreadable = min(unreadable, 0.9)
    unseen = max(rare, (e.shortcut_shortfall or 0.0) / BROKEN)
    return {
        "augment": min(unseen, shortcut),
        "collect": rare,
        "remove": unreadable,
        "relabel": _mislabeled(e),
        "review_model": 0.5,
    }


def _rarity(e: Evidence) -> float:
    if e.coverage is not None:
        return max(e.coverage, 0.0) / COVERAGE
    shortfall = _shortfall(e)
    return 0.0 if shortfall is None else max(shortfall, 0.0) / SHORTFALL


def _shortfall(e: Evidence) -> float | None:
    """Log of the share analysed over the share in train, in nats."""
    if e.share_train is None or not e.share_analysed:
        return None
    return log(e.share_analysed / max(e.share_train, 1e-4))


def _mislabeled(e: Evidence) -> float:
    if e.ordinary is None or e.disagreement is None:
        return 0.0
    met = [(e.disagreement - e.disagreement_rest) / DISAGREEMENT]
    if e.confident is None:
        met.append(e.ordinary / ORDINARY_ALONE)
    else:
        met += [e.ordinary / ORDINARY, (e.confident - e.confident_rest) / CONFIDENT]
    return max(min(met), 0.0)


def _reasons(e: Evidence, strength: dict[Action, float], first: Action) -> list[Reason]:
    found = [*_of_train(e), *_of_inputs(e), *_of_labels(e)]
    if first == "review_model":
        found.append(_no_other_cause(e, strength))
    return found


def _no_other_cause(e: Evidence, strength: dict[Action, float]) -> Reason:
    """Tell which other causes were looked for, and which could not be."""
    looked_for = {
        "rare in train": e.coverage is not None or _shortfall(e) is not None,
        "unreadable": e.unreadable is not None,
        "wrongly labeled": e.ordinary is not None and e.disagreement is not None,
    }
    absent = [cause for cause, known in looked_for.items() if known]
    unknown = [cause for cause, known in looked_for.items() if not known]
    nearest = max(strength, key=lambda action: (action != "review_model") * strength[action])
    parts = []
    if absent:
        parts.append(f"being {' or '.join(absent)} does not explain it")
    if strength[nearest]:
        parts.append(
            f"{ACTION_NAMES[nearest]} comes nearest with {number(strength[nearest])} of the 1 "
            "that it takes"
        )
    if unknown:
        parts.append(f"whether the members are {' or '.join(unknown)} is unknown")
    return Reason("review_model", "no_other_cause", strength[nearest], 1.0, 0.5, "; ".join(parts))


def _of_train(e: Evidence) -> list[Reason]:
    found: list[Reason] = []
    if e.coverage is None:
        unknown = "how well train covers the group is unknown: no train samples with embeddings"
        found.append(Reason("collect", "coverage", None, exp(COVERAGE), 0.0, unknown))
    else:
        times = exp(e.coverage)
        sentence = (
            f"next to the population analysed, train lies {number(times)} times as far from "
            f"members as from the rest; from {number(exp(COVERAGE))} on it lacks such samples"
        )
        weight = _weight(e.coverage, COVERAGE)
        found.append(Reason("collect", "coverage", times, exp(COVERAGE), weight, sentence))
    shortfall = _shortfall(e)
    if shortfall is not None and e.share_train is not None and e.share_analysed is not None:
        sentence = (
            f"{percent(e.share_train, 1)} of train belongs to the group, "
            f"{percent(e.share_analysed, 1)} of the population analysed"
        )
        found.append(
            Reason("collect", "share_train", e.share_train, e.share_analysed,
                   _weight(shortfall, SHORTFALL), sentence)
        )  # fmt: skip
    found += _of_shortcut(e)
    if e.gap_train is not None:
        higher = "higher" if e.gap_train > 0 else "lower"
        sentence = (
            f"their mean {e.signal} is {number(abs(e.gap_train))} {higher} than that of members "
            "in train"
        )
        found.append(Reason("collect", "gap_train", e.gap_train, 0.0, 0.0, sentence))
    return found


def _of_shortcut(e: Evidence) -> list[Reason]:
    if e.shortcut is None:
        return []
    sentence = (
        f"in train, {e.shortcut_field} tells {e.shortcut_class} from the others, and fails on "
        f"these members (strength {number(e.shortcut)}, {SHORTCUT} counts); such members are "
        f"{number(exp(e.shortcut_shortfall or 0.0))} times as frequent here as in train"
        if e.shortcut > SHORTCUT
        else "no field tells a class in train and fails on these members (strength "
        f"{number(e.shortcut)}, {SHORTCUT} counts)"
    )
    weight = _weight(e.shortcut, SHORTCUT)
    return [Reason("augment", "shortcut", e.shortcut, SHORTCUT, weight, sentence)]


def _of_inputs(e: Evidence) -> list[Reason]:
    if e.unreadable is None:
        return []
    sentence = (
        f"{percent(e.unreadable)} of members are hardly readable (flat, noisy or mostly missing), "
        f"{percent(e.unreadable_rest)} of the rest"
    )
    if e.skill is not None and e.unreadable > UNREADABLE / 2:
        sentence += (
            f"; the model avoids {percent(e.skill)} of the errors on them that guessing their most "
            "frequent label makes"
        )
    weight = _weight(e.unreadable * (1 - (e.skill or 0.0)), UNREADABLE)
    return [Reason("remove", "unreadable", e.unreadable, e.unreadable_rest, weight, sentence)]


def _of_labels(e: Evidence) -> list[Reason]:
    found: list[Reason] = []
    if e.disagreement is not None:
        sentence = (
            f"the neighbours of {percent(e.disagreement)} of members mostly carry another label; "
            f"of {percent(e.disagreement_rest)} of the rest"
        )
        weight = _weight(e.disagreement - e.disagreement_rest, DISAGREEMENT)
        found.append(
            Reason("relabel", "disagreement", e.disagreement, e.disagreement_rest, weight, sentence)
        )
    if e.ordinary is not None:
        sentence = (
            "where the model is wrong, neighbours carry the label it names "
            f"{number(e.ordinary)} times as often as where it is right; from {ORDINARY} on the "
            "label is doubtful"
        )
        weight = _weight(2 * e.ordinary - ORDINARY, ORDINARY)
        found.append(Reason("relabel", "ordinary", e.ordinary, ORDINARY, weight, sentence))
    if e.confident is not None:
        sentence = (
            f"{percent(e.confident)} of members are confidently taken for another class, "
            f"{percent(e.confident_rest)} of the rest"
        )
        weight = _weight(e.confident - e.confident_rest, CONFIDENT)
        found.append(
            Reason("relabel", "confident", e.confident, e.confident_rest, weight, sentence)
        )
    if e.label_entropy is not None and e.prediction_entropy is not None:
        more = "more" if e.label_entropy > e.prediction_entropy else "less"
        sentence = (
            f"labels inside are {more} mixed than predictions "
            f"(entropy {number(e.label_entropy)} and {number(e.prediction_entropy)} nats)"
        )
        # no rule asks it: a group within one label is never mixed, a natural weakness often is
        found.append(
            Reason("relabel", "mixture", e.label_entropy, e.prediction_entropy, 0.0, sentence)
        )
    return found


def _weight(value: float, threshold: float) -> float:
    """In [-1, 1]: 1/2 at the threshold, 0 where nothing speaks for the action."""
    return max(-1.0, min(1.0, value / threshold / 2))
