"""What is measured about one aggressor, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aggressors.contracts import Action
from aggressors.stats.intervals import Interval

Bounds = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Probe:
    """What a transformation does to clean samples with the labels of an aggressor.

    Parameters
    ----------
    transform : one of `snippets.TRANSFORMS`, or `swap-` and a place.
    strength : in the unit of the transformation.
    moved : by how much the mean loss of the clean samples rises, over the distance from it to that
        of the members; 1 = they then fail as the members do.
    alike : cosine of the way that they go in the embedding and of the way to the members, in
        [-1, 1]; 1 = they become the members.
    n : clean samples.
    """

    transform: str
    strength: float
    moved: Interval
    alike: float
    n: int


@dataclass(frozen=True, slots=True)
class Quality:
    """Share of inputs that are worse in one way than 99 % of the rest.

    `kind` is what is wrong with them (dark, blurred, noisy, flat, missing); the share of the rest
    is near 0.01 by definition.
    """

    kind: str
    inside: Interval
    rest: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was measured about one aggressor; None where the run cannot tell.

    Parameters
    ----------
    coverage : log distance to train minus log distance within the analysed population, members
        minus the rest, in nats; positive where train has few such samples.
    share_train, share_analysed : share of either population that belongs to the group.
    crowding : mean log distance of members to other samples minus that of the rest, in standard
        deviations of the rest; below 0 where the model sees members as one, above 0 where each is
        unlike the others.
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
    confident_failing : the same of the members that fail. Innocent members of a group, which was
        found by its losses and not by its cause, dilute what all members say.
    outside : share of the neighbours outside the group that carry the label the model names, around
        members where the model is wrong.
    passing : the same, None where most of those members are of one label.
    ambiguity, ambiguity_rest : share whose neighbours are of two labels, each with three or more of
        ten.
    gap_train, gap : mean signal of members minus that of the rest, in train and where analysed.
    leaked, leaked_rest : share that has a copy in train.
    quality : in which ways inputs are bad.
    probes : what transformations do, the best first.
    impact : share of all loss that would vanish if the members became like the rest.
    relabeled, removed : share of all loss that vanishes with the suggested labels of the members,
        and without those of them that cannot be read.
    bounds : low and high of what is measured, by the name of its reason and in its unit.
    signal : what the signal is called.
    """

    coverage: float | None = None
    crowding: float | None = None
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
    confident_failing: float | None = None
    outside: float | None = None
    passing: float | None = None
    ambiguity: float | None = None
    ambiguity_rest: float = 0.0
    gap_train: float | None = None
    gap: float | None = None
    leaked: float | None = None
    leaked_rest: float = 0.0
    quality: tuple[Quality, ...] = ()
    probes: tuple[Probe, ...] = ()
    impact: float | None = None
    relabeled: Interval | None = None
    removed: Interval | None = None
    bounds: Mapping[str, Bounds] = field(default_factory=dict)
    signal: str = "loss"


@dataclass(frozen=True, slots=True)
class Reason:
    """One piece of evidence: the action it speaks about, and how much (`weight` in [-1, 1]).

    A negative weight speaks against the action. `value` and `reference` are None where the
    evidence could not be measured; `low` and `high` are the 95 % interval of the value, None where
    none can be given. `strength`, `alike` and `n` are those of a `Probe`.
    """

    action: Action
    evidence: str
    value: float | None
    reference: float | None
    weight: float
    sentence: str
    low: float | None = None
    high: float | None = None
    strength: float | None = None
    alike: float | None = None
    n: int | None = None


@dataclass(frozen=True, slots=True)
class Win:
    """What an action is expected to win: a share of the analysed population's loss, and how known.

    `share`, `low` and `high` are None where nothing is known.
    """

    action: Action
    share: float | None
    low: float | None
    high: float | None
    how: str


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Actions from first to last, the reasons (those of the first action first), and the wins."""

    actions: tuple[Action, ...]
    reasons: tuple[Reason, ...]
    wins: tuple[Win, ...] = ()
