"""What is said of each piece of evidence, and from where on it counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import exp, log

from aggressors.contracts import Action
from aggressors.snippets import name_of
from aggressors.stats.diagnosis import Evidence, Probe, Reason
from aggressors.words import ACTION_NAMES, number, percent

PROBE = "probe:"  # what the evidence of a transformation is called, before its name
QUALITY = "quality:"
WIN = "win"  # of an action, stored beside the reasons

COVERAGE = 0.18  # nats by which train lies farther from members than from the rest
COVERAGE_MOST = 0.9  # of the 1 it takes that distance alone can give: its share is asked as well
SHORTFALL = 0.6  # nats by which the share in train falls short of the share analysed
SHORTFALL_MOST = 2.5
COVERED = 0.02  # nats below which train lies as near to members as to the rest: not rare
COVERAGE_ALONE = 0.09  # where the share in train is unknown
SHORTFALL_ALONE = 0.7  # where there are no positions: one half
SHORT = 0.95  # what is left of a rule to which something is said against
SHORTCUT = 0.42
BROKEN = 0.4  # nats by which samples that break a shortcut are rarer in train: a third
PASSING = 0.55  # share of neighbours outside the group that carry the label the model names
SURE = 0.15  # by which more failing members than others are confidently taken for another class
UNREADABLE = 0.33
ONE_SIDED = 1.3  # nats; a group of bad inputs crosses labels: three of ten or more
ORDINARY = 0.65  # where the model's confidence is unknown
DISAGREEMENT = 0.12
CONFIDENT = 0.5  # by which more members than others are confidently another class
CONFIDENT_FAILING = 0.7  # the same of the members that fail; what both give is added,
OUTSIDE = 0.5  # and by how far more of the neighbours outside than this agree with the model
CONFIDENT_ALONE = 0.13  # where it is unknown which members fail
CROWDED = -1.5  # standard deviations by which members lie closer to others than the rest does
VERIFIED = 0.25  # share of the gap that a transformation makes in clean samples
MOVED = 0.15  # the same for a place of another class, which is then the likeliest of all
FURTHEST = 2.5  # the same beyond which it spoils them in another way
ALIKE = 0.8  # cosine from which it makes members of them


def evident(e: Evidence) -> list[Reason]:
    """Say what was measured, each with its interval where there is one."""
    parts = (_of_train, _of_looks, _of_probes, _of_inputs, _of_labels, _of_copies)
    return [_bounded(one, e.bounds) for part in parts for one in part(e)]


def _bounded(one: Reason, bounds: Mapping[str, tuple[float, float]]) -> Reason:
    if one.evidence not in bounds or one.value is None:
        return one
    low, high = bounds[one.evidence]
    return replace(one, low=low, high=high)


def no_other_cause(e: Evidence, strength: dict[Action, float]) -> Reason:
    """Tell which other causes were looked for, and which could not be."""
    looked_for = {
        "rare in train": e.coverage is not None or shortfall(e) is not None,
        "unreadable": e.unreadable is not None,
        "wrongly labeled": e.disagreement is not None
        and (e.confident is not None or e.ordinary is not None),
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


def distance_part(e: Evidence) -> float | None:
    """Say what distance to train gives of the 1 that it takes for a group to be rare there."""
    if e.coverage is None:
        return None
    if shortfall(e) is None:
        return e.coverage / COVERAGE_ALONE
    return max(min(e.coverage / COVERAGE, COVERAGE_MOST), -1.0)


def share_part(e: Evidence) -> float | None:
    """Say what the share in train gives of the same."""
    lacking = shortfall(e)
    if lacking is None:
        return None
    if e.coverage is None:
        return lacking / SHORTFALL_ALONE
    return max(min(lacking / SHORTFALL, SHORTFALL_MOST), -1.0)


def confident_part(e: Evidence) -> float | None:
    """Say what the model's confidence gives of the 1 that it takes for labels to be wrong."""
    if e.confident is None:
        return None
    limit = CONFIDENT_ALONE if e.confident_failing is None else CONFIDENT
    return (e.confident - e.confident_rest) / limit


def failing_part(e: Evidence) -> float | None:
    """Say what its confidence about the members that fail gives of the same."""
    if e.confident is None or e.confident_failing is None:
        return None
    return (e.confident_failing - e.confident_rest) / CONFIDENT_FAILING


def outside_part(e: Evidence) -> float | None:
    """Say what the samples outside the group give of the same, or take from it."""
    if e.outside is None or failing_part(e) is None:
        return None
    return e.outside - OUTSIDE


def passes(e: Evidence) -> float:
    """How far members of several classes pass for one by something that they share."""
    sure = (e.confident_failing or 0.0) - e.confident_rest
    return (e.passing or 0.0) / PASSING if sure > SURE else 0.0


def shortfall(e: Evidence) -> float | None:
    """Log of the share analysed over the share in train, in nats."""
    if e.share_train is None or not e.share_analysed:
        return None
    return log(e.share_analysed / max(e.share_train, 1e-4))


def _of_train(e: Evidence) -> list[Reason]:
    found: list[Reason] = []
    if e.coverage is None:
        unknown = "how well train covers the group is unknown: no train samples with embeddings"
        found.append(Reason("collect", "coverage", None, 1.0, 0.0, unknown))
    else:
        found.append(_coverage(e, e.coverage))
    lacking = share_part(e)
    if lacking is not None and e.share_train is not None and e.share_analysed is not None:
        sentence = (
            f"{percent(e.share_train, 1)} of train belongs to the group, "
            f"{percent(e.share_analysed, 1)} of the population analysed"
        )
        found.append(
            Reason("collect", "share_train", e.share_train, e.share_analysed,
                   _weight(lacking), sentence)
        )  # fmt: skip
    found += _of_shortcut(e)
    if e.gap_train is not None and e.gap is not None:
        found.append(_generalisation(e, e.gap_train, e.gap))
    return found


def _coverage(e: Evidence, coverage: float) -> Reason:
    times = exp(coverage)
    sentence = (
        f"next to the population analysed, train lies {number(times)} times as far from members "
        "as from the rest"
    )
    if shortfall(e) is None:
        sentence += f"; from {number(exp(COVERAGE_ALONE))} on it lacks such samples"
    elif coverage < COVERED:
        sentence += ", as near as it lies to anything"
    return Reason("collect", "coverage", times, 1.0, _weight(distance_part(e) or 0.0), sentence)


def _generalisation(e: Evidence, gap_train: float, gap: float) -> Reason:
    """Whether the model fails on such samples in train as well."""
    low, high = e.bounds.get("generalisation", (gap_train, gap_train))
    if low > 0 and gap_train >= gap / 2:
        told = "high in both, so that more of the same would not be learned either"
    elif high < gap / 2:
        told = "high here only: the model learned those that it has seen"
    else:
        told = "between the two"
    sentence = (
        f"in train, mean {e.signal} of members is {_difference(gap_train)} than of the rest, here "
        f"{_difference(gap)}: {told}"
    )
    return Reason("collect", "generalisation", gap_train, gap, 0.0, sentence)


def _difference(gap: float) -> str:
    return f"{number(abs(gap))} {'higher' if gap > 0 else 'lower'}"


def _of_shortcut(e: Evidence) -> list[Reason]:
    if e.shortcut is None:
        return []
    sentence = (
        f"in train, {e.shortcut_field} tells {e.shortcut_class} from the others, and fails on "
        f"these members: {number(e.shortcut)} on a scale from 0 to 1, on which a shortcut begins "
        f"at {SHORTCUT}; such members are {number(exp(e.shortcut_shortfall or 0.0))} times as "
        "frequent here as in train"
        if e.shortcut > SHORTCUT
        else "no field tells a class in train and fails on these members: the nearest to it comes "
        f"to {number(e.shortcut)} on a scale from 0 to 1, on which a shortcut begins at {SHORTCUT}"
    )
    weight = _weight(e.shortcut / SHORTCUT)
    return [Reason("augment", "shortcut", e.shortcut, SHORTCUT, weight, sentence)]


def _of_looks(e: Evidence) -> list[Reason]:
    """Whether members of several classes pass for what the model takes them for."""
    if e.passing is None:
        return []
    strength = passes(e)
    sentence = (
        f"where the model is wrong, members are of several classes, and {percent(e.passing)} of "
        "their neighbours outside the group carry the label that it names"
    )
    if strength > 1:
        sentence += ": something that they share makes them pass for it"
    elif e.passing > PASSING:
        sentence += ", but it is not sure of it as it is where a shortcut misleads it"
    else:
        sentence += f"; above {percent(PASSING)} something that they share makes them pass for it"
    weight = _weight(strength) if strength > 1 else 0.0
    return [Reason("augment", "passing", e.passing, PASSING, weight, sentence)]


def _of_probes(e: Evidence) -> list[Reason]:
    """Tell the transformations that were tried on clean samples, the best first."""
    found = []
    for one in e.probes:
        good = is_verified(one.moved.value, one.moved.low, one.alike)
        like = "towards" if one.alike >= ALIKE else "but not towards"
        sentence = (
            f"{name_of(one.transform, one.strength)}, done to {one.n} clean samples with their "
            f"labels, moves the mean {e.signal} {percent(one.moved.value)} of the way to the "
            f"members, {like} them in the embedding (cosine {number(round(one.alike, 2))})"
        )
        weight = min(max(one.moved.value, 0.0), 1.0) * max(one.alike, 0.0) if good else 0.0
        found.append(
            Reason("augment", PROBE + one.transform, one.moved.value, 1.0, weight, sentence,
                   one.moved.low, one.moved.high, one.strength, one.alike, one.n)
        )  # fmt: skip
    return found


def verified(e: Evidence) -> Probe | None:
    """First transformation that is verified; None where there is none."""
    return next(
        (one for one in e.probes if is_verified(one.moved.value, one.moved.low, one.alike)), None
    )


def is_verified(moved: float, low: float, alike: float) -> bool:
    """Whether a transformation makes clean samples fail as the members do, and become like them."""
    return low >= VERIFIED and moved <= FURTHEST and alike >= ALIKE


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
    weight = _weight(e.unreadable / UNREADABLE)
    found = [Reason("remove", "unreadable", e.unreadable, e.unreadable_rest, weight, sentence)]
    if e.crowding is not None:
        found.append(_crowding(e.crowding))
    for one in e.quality:
        sentence = (
            f"{percent(one.inside.value)} of members are more {one.kind} than 99 % of the rest"
            if one.kind != "incomplete"
            else f"{percent(one.inside.value)} of members lack more values than 99 % of the rest"
        )
        found.append(
            Reason("remove", QUALITY + one.kind, one.inside.value, one.rest, 0.0, sentence,
                   one.inside.low, one.inside.high)
        )  # fmt: skip
    return found


def _crowding(crowding: float) -> Reason:
    where = "closer to" if crowding < 0 else "farther from"
    told = (
        f"members lie {number(abs(crowding))} standard deviations {where} other samples than the "
        f"rest; from {number(-CROWDED)} closer on the model sees them as one"
    )
    return Reason("remove", "crowding", crowding, 0.0, _weight(crowding / CROWDED), told)


def _of_labels(e: Evidence) -> list[Reason]:
    return [*_of_neighbours(e), *_of_confidence(e), *_of_mixture(e)]


def _of_neighbours(e: Evidence) -> list[Reason]:
    found: list[Reason] = []
    if e.disagreement is not None:
        sentence = (
            f"the neighbours of {percent(e.disagreement)} of members mostly carry another label; "
            f"of {percent(e.disagreement_rest)} of the rest"
        )
        weight = _weight((e.disagreement - e.disagreement_rest) / DISAGREEMENT)
        if e.confident is not None:
            weight = min(weight, 0.0)  # it is asked for, and decides nothing
        found.append(
            Reason("relabel", "disagreement", e.disagreement, e.disagreement_rest, weight, sentence)
        )
    if e.ordinary is not None:
        sentence = (
            "where the model is wrong, neighbours carry the label it names "
            f"{number(e.ordinary)} times as often as where it is right"
        )
        if e.confident is None:
            sentence += f"; above {ORDINARY} is usual where labels are wrong"
        weight = _weight(e.ordinary / ORDINARY) if e.confident is None else 0.0
        found.append(Reason("relabel", "ordinary", e.ordinary, ORDINARY, weight, sentence))
    return found


def _of_confidence(e: Evidence) -> list[Reason]:
    """Tell what the model says with confidence, and what others say where it is wrong."""
    found: list[Reason] = []
    if e.confident is not None:
        sentence = (
            f"{percent(e.confident)} of members are confidently taken for another class, "
            f"{percent(e.confident_rest)} of the rest"
        )
        weight = _weight(confident_part(e) or 0.0)
        found.append(
            Reason("relabel", "confident", e.confident, e.confident_rest, weight, sentence)
        )
    if e.confident_failing is not None:
        sentence = (
            f"of the members that fail, {percent(e.confident_failing)} are confidently taken for "
            f"another class, {percent(e.confident_rest)} of the rest; what is hard or hardly "
            "readable leaves the model unsure"
        )
        weight = _weight(failing_part(e) or 0.0)
        found.append(
            Reason("relabel", "confident_failing", e.confident_failing, e.confident_rest, weight,
                   sentence)
        )  # fmt: skip
    if e.outside is not None:
        sentence = (
            f"where the model is wrong, {percent(e.outside)} of the ten nearest samples outside "
            "the group carry the label that it names"
        )
        weight = _weight(outside_part(e) or 0.0)
        found.append(Reason("relabel", "outside", e.outside, OUTSIDE, weight, sentence))
    return found


def _of_mixture(e: Evidence) -> list[Reason]:
    found: list[Reason] = []
    if e.ambiguity is not None:
        sentence = (
            f"around {percent(e.ambiguity)} of members two labels share the region, each with "
            f"three or more of ten neighbours; around {percent(e.ambiguity_rest)} of the rest"
        )
        found.append(
            Reason("review_model", "ambiguity", e.ambiguity, e.ambiguity_rest, 0.0, sentence)
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


def _of_copies(e: Evidence) -> list[Reason]:
    if e.leaked is None:
        return []
    sentence = (
        f"{percent(e.leaked, 1)} of members have a near-identical sample in train, "
        f"{percent(e.leaked_rest, 1)} of the rest"
    )
    low, _ = e.bounds.get("leakage", (e.leaked, e.leaked))
    if e.leaked_rest > 0.02 and e.leaked < e.leaked_rest / 2:
        sentence += "; the rest looks better than it is, by samples that the model has seen"
    elif low > max(2 * e.leaked_rest, 0.02):
        sentence += "; their own gap is greater than it looks"
    return [Reason("remove", "leakage", e.leaked, e.leaked_rest, 0.0, sentence)]


def _weight(part: float) -> float:
    """In [-1, 1]: 1/2 where this alone meets its rule, 0 where nothing speaks for the action."""
    return max(-1.0, min(1.0, part / 2))
