"""Plain frozen data shared by engine and dashboard; standard library only."""
# A little over 400 lines: what engine and dashboard share stands in one place.

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from difflib import get_close_matches
from typing import Any, Literal

from aggressors.errors import SettingsError

POPULATIONS = ("train", "validation", "test", "unlabeled")
ADDED = "added"  # source of a metadata field that came after its run
# sets that heatmaps are averaged over: inside, what that is compared with, and the mistakes of both
INSIDE = ("core", "members")
WELL = "same_label_well_predicted"
MAPPED = (*INSIDE, WELL, "rest")
MISLED, MISTAKEN = "core_mispredicted", "rest_mispredicted"  # also averaged for the true class
FOLDS = ("discover", "confirm")
FEWEST_TO_CONFIRM = 200  # analysed samples below which groups are shown as tentative at best

Population = Literal["train", "validation", "test", "unlabeled"]
Action = Literal["collect", "augment", "relabel", "remove", "review_model"]
Status = Literal["confirmed", "tentative"]
FieldKind = Literal["number", "category", "text", "identifier"]
VerdictWord = Literal["pass", "fail", "inconclusive", "missing"]
TestState = Literal["open", "solved", "regressed"]
Scalar = str | int | float | bool


# --- Filters: one grammar for command line, URL and pages (text form: queries/grammar.py) ---

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "in", "contains", "missing"]


@dataclass(frozen=True, slots=True)
class Condition:
    """One claim about one field; `values` is empty for `missing`, longer than one only for `in`."""

    field: str
    op: Operator
    values: tuple[Scalar, ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    """The samples for which `part` does not hold (missing values included)."""

    part: Filter


@dataclass(frozen=True, slots=True)
class Group:
    """All (`and`) or any (`or`) of `parts`; an empty `and` holds for every sample."""

    kind: Literal["and", "or"]
    parts: tuple[Filter, ...] = ()


Filter = Condition | Not | Group
EVERYTHING = Group("and")


# --- Records ---


@dataclass(frozen=True, slots=True)
class Aggressor:
    """A concept that underperforms, as ranked at publish.

    `gap` is the mean signal inside minus rest on the confirm half, [`gap_low`, `gap_high`] its 95 %
    interval; `severity` is `gap_low`; `impact` the share of all of it that would vanish with it;
    `n` counts members in the analysed population, `n_known` those with a value of the signal,
    `n_core` those that fail. `part_of` is the rank of the smallest larger aggressor that contains
    it, if any.
    """

    rank: int
    concept_id: int
    name: str
    status: Status
    severity: float
    impact: float
    n: int
    n_known: int
    n_core: int
    gap: float
    gap_low: float
    gap_high: float
    q_value: float
    action: Action
    rule: str
    part_of: int | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a concept was found, as far as the run tells.

    `found_by` names the search, `space` the further space it looked in ('' for the main one);
    `merged` proposals told its story, of `tested` in all; `n_confirm` members judged it;
    `coherence` is the share of a member's neighbours that are members, among those of its label
    for a group inside one (`inside_label`).
    """

    found_by: str = ""
    space: str = ""
    merged: int | None = None
    tested: int | None = None
    n_confirm: int | None = None
    coherence: float | None = None
    inside_label: bool = False


@dataclass(frozen=True, slots=True)
class DiscoveryFacts:
    """How the search went: groups tested, and how many were found, on which samples.

    `tested` is None where the run does not say. `needed` is from how many samples on a group can be
    confirmed at all; `searchable` whether the samples have metadata or an embedding, in which
    groups are sought; `varies` whether the signal differs between samples.
    """

    tested: int | None
    fdr: float
    confirmed: int
    tentative: int
    n_discover: int
    n_confirm: int
    needed: int
    searchable: bool
    varies: bool


@dataclass(frozen=True, slots=True)
class Attention:
    """One number of the heatmaps of a set; columns and words as in the run's table `attention`.

    `difference` is `value` minus that of the set `reference`, '' where nothing is compared.
    """

    of: str
    measure: str
    value: float
    low: float | None
    high: float | None
    n: int
    reference: str = ""
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one saved test for one run.

    `value` and `reference` are mean signals of the same samples under this run and the baseline;
    `difference` = value - reference with its 95 % interval [`low`, `high`]. `gap` is the mean
    signal of the samples minus that of the rest in this run. `detectable` is the smallest
    worsening that would have failed with 80 % probability. `baseline` is a run id, '' where
    nothing was compared.
    """

    slug: str
    state: TestState
    verdict: VerdictWord
    n: int
    value: float | None
    reference: float | None
    difference: float | None
    low: float | None
    high: float | None
    reason: str
    title: str = ""
    signal: str = "loss"
    margin: float | None = None
    margin_origin: str = ""
    baseline: str = ""
    baseline_name: str = ""
    detectable: float | None = None
    gap: float | None = None
    gap_low: float | None = None
    gap_high: float | None = None


@dataclass(frozen=True, slots=True)
class RunInfo:
    """The one row of a run file's `run` table; `created_at` is ISO 8601 in UTC.

    `derived_from` is the run of the model that metadata was added to, `derived_from_name` what that
    was called; both are '' for a run of its own.
    """

    run_id: str
    name: str
    schema_version: int
    created_at: str
    model_name: str
    model_digest: str
    data_digest: str
    task: str
    loss_name: str
    settings: Settings
    seed: int
    engine_version: str
    derived_from: str = ""
    derived_from_name: str = ""

    @property
    def model_run(self) -> str:
        """Id of the run of the model, which has the same samples and groups: mostly this one."""
        return self.derived_from or self.run_id


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One published run of a workspace; `aggressors` counts the confirmed.

    `derived_from` and its name are as in `RunInfo`; `added` names the fields that were added.
    `has_classes` is False for regression, and where nothing but losses is known.
    """

    run_id: str
    name: str
    path: str
    created_at: str
    model_name: str
    task: str
    samples: int
    aggressors: int
    derived_from: str = ""
    derived_from_name: str = ""
    added: tuple[str, ...] = ()
    loss_name: str = ""
    has_classes: bool = True


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One metadata field of a run; `unit` is '' where it has none."""

    name: str
    kind: FieldKind
    unit: str
    source: str
    missing: int


# --- Settings ---

CONFIDENCE_GAP = "confidence_gap"
BUILT_IN_SIGNALS = ("loss", "error", CONFIDENCE_GAP)
# Columns that stand beside a signal wherever its values are kept.
_NO_METRICS = ("sample_id", "row_id", "label", "judges")
_TURNED = re.compile(r"(1\s*-|-)\s*(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Signal:
    """What must be bad inside an aggressor, as a number per sample that is high where it is bad.

    Parameters
    ----------
    name : loss; error, 0 or 1; confidence_gap, how far another class is above the true one (see
        `stats.evidence.confidence_gap`); or the name of a metric.
    turned : for a metric that is better when higher: `1 -` (1 minus it) or `-` (its negative);
        '' where lower is better.
    """

    name: str
    turned: Literal["", "1 -", "-"] = ""

    @classmethod
    def parse(cls, text: str) -> Signal:
        """Read `iou`, `1 - iou` or `-iou`; raises SettingsError."""
        given = text.strip()
        found = _TURNED.fullmatch(given)
        turned: Literal["", "1 -", "-"] = ""
        if found is not None:
            turned, given = ("-" if found[1] == "-" else "1 -"), found[2]
        if not given or given in _NO_METRICS or (turned and given in BUILT_IN_SIGNALS):
            raise SettingsError(
                f"Setting 'signal' must be {', '.join(BUILT_IN_SIGNALS)} or the name of a metric, "
                f"such as wer, or 1 - iou where higher is better; got {text!r}."
            )
        return cls(given, turned)

    def __str__(self) -> str:
        """Write it as `parse` reads it."""
        return {"": "", "-": "-", "1 -": "1 - "}[self.turned] + self.name

    @property
    def is_metric(self) -> bool:
        """Whether it is read from the metrics of a run, with those that the engine adds."""
        return self.name not in ("loss", "error")


TASKS = ("classification", "regression")
HEATMAP_METHODS = ("grad-cam", "grad-cam++", "hirescam", "eigencam")


def _setting(
    default: Any,
    doc: str,
    low: float | None = None,
    high: float | None = None,
    words: tuple[str, ...] = (),
) -> Any:
    return field(default=default, metadata={"doc": doc, "low": low, "high": high, "words": words})


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that shapes a run; written into it, and part of its digest."""

    seed: int = _setting(0, "seeds every random choice", 0)
    analysed: str = _setting("validation", "population in which aggressors are found")
    signal: str = _setting(
        "loss",
        "what must be bad inside an aggressor: loss, error, confidence_gap, or the name of a "
        "metric; 1 - iou or -iou where a higher iou is better",
    )
    level: float = _setting(0.95, "coverage of every interval", 0.5, 0.999)
    fdr: float = _setting(0.05, "Benjamini-Hochberg q at which a concept is confirmed", 0.0, 1.0)
    materiality: float = _setting(
        0.25, "lower bound of the gap, as a share of the mean signal, that a finding must exceed", 0
    )
    min_size: int = _setting(25, "fewest members in the discover half", 5)
    max_share: float = _setting(
        0.25, "largest share of the population that may be one group", 0.0, 1.0
    )
    max_aggressors: int = _setting(20, "most aggressors reported", 1, 300)
    core_quantile: float = _setting(
        0.9, "a member whose signal exceeds this quantile of the rest belongs to the core", 0.5, 1.0
    )
    pca: int = _setting(32, "principal components of the embedding used by discovery", 2, 512)
    representatives: int = _setting(12, "representatives of each kind kept per concept", 1, 200)
    heatmap_method: str = _setting(
        "grad-cam",
        "how heatmaps are made: grad-cam, grad-cam++, hirescam, or eigencam, which shows what a "
        "layer holds whatever the class, so that there is no map of the true class",
        words=HEATMAP_METHODS,
    )
    heatmap_samples: int = _setting(
        512, "most members, failing members and others averaged per concept", 2, 100_000
    )
    heatmap_cells: int = _setting(
        28, "longest side of a heatmap in cells; larger ones are averaged down", 4, 224
    )
    heatmaps_kept: int = _setting(
        2_000, "most samples whose heatmap is kept, representatives first", 0, 1_000_000
    )
    map_landmarks: int = _setting(20_000, "samples that UMAP places; the rest interpolates", 100)
    map_neighbours: int = _setting(15, "UMAP n_neighbors", 2, 200)
    candidates: int = _setting(1_000, "unlabeled candidates stored per aggressor", 1, 100_000)
    batch_size: int = _setting(256, "samples per forward pass, halved when memory runs out", 1)
    shard_size: int = _setting(4_096, "samples per resumable shard", 1)
    thumbnail: int = _setting(96, "longest side of a stored thumbnail, in pixels", 16, 512)

    def __post_init__(self) -> None:
        for entry in fields(self):
            _check_setting(entry.name, getattr(self, entry.name), entry.default, entry.metadata)
        if self.analysed not in POPULATIONS[:3]:
            raise SettingsError(
                f"Setting 'analysed' must be one of train, validation, test; got {self.analysed!r}."
            )
        # However it is typed, the run, its tests and its digest know it by one text.
        object.__setattr__(self, "signal", str(Signal.parse(self.signal)))

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Settings:
        """Build from a mapping such as a TOML document.

        Raises
        ------
        SettingsError : an unknown name or a value of the wrong type or range.
        """
        known = {entry.name for entry in fields(cls)}
        for name in raw:
            if name not in known:
                near = get_close_matches(name, known, n=1)
                hint = f"the nearest is {near[0]!r}" if near else "docs/settings.md lists them all"
                raise SettingsError(f"There is no setting {name!r}; {hint}.")
        return cls(**raw)

    @classmethod
    def from_toml(cls, text: str) -> Settings:
        """Build from the text of a TOML file; raises SettingsError."""
        try:
            return cls.parse(tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"The settings file is not valid TOML: {error}.") from error

    @classmethod
    def describe(cls) -> Iterator[tuple[str, Any, str]]:
        """Name, default and meaning of each setting, in order."""
        for entry in fields(cls):
            yield entry.name, entry.default, entry.metadata["doc"]

    def as_dict(self) -> dict[str, Any]:
        """All values by name, ready for JSON."""
        return asdict(self)


def _check_setting(name: str, value: Any, default: Any, limits: Mapping[str, Any]) -> None:
    wanted = type(default)
    accepted = (int, float) if wanted is float else (wanted,)
    if isinstance(value, bool) or not isinstance(value, accepted):
        kind = {int: "a whole number", float: "a number"}.get(wanted, "text")
        raise SettingsError(f"Setting {name!r} must be {kind}; got {value!r}.")
    if (words := limits["words"]) and value not in words:
        near = get_close_matches(str(value).lower(), words, n=1)
        hint = f"; the nearest is {near[0]!r}" if near else ""
        raise SettingsError(
            f"Setting {name!r} must be one of {', '.join(words)}; got {value!r}{hint}."
        )
    low, high = limits["low"], limits["high"]
    if (low is not None and value < low) or (high is not None and value > high):
        bounds = f"at least {low}" if high is None else f"in [{low}, {high}]"
        raise SettingsError(f"Setting {name!r} must be {bounds}; got {value!r}.")
