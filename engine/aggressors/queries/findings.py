"""What is characteristic of a concept, to be read: the strongest first, nothing twice."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from aggressors.contracts import EVERYTHING
from aggressors.errors import FilterError
from aggressors.queries.grammar import fields_of, parse
from aggressors.queries.scope import fetch, fetch_rows

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

Target = Literal["membership", "loss"]
Kind = Literal["field", "shape", "missing", "pair"]
SIGNIFICANT = 0.05  # q-value up to which a finding is one
STRONGER = 0.15  # effect by which a field must beat the one that usually stands for it
GAIN = 0.05  # F1 that a pair must add on the half that judges it


@dataclass(frozen=True, slots=True)
class Bars:
    """Shares of members and of the rest over the same bins or categories; `labels` name the latter.

    Against loss, `inside` is the mean of each, and there is no `outside`.
    """

    inside: tuple[float, ...]
    outside: tuple[float, ...]
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that goes with membership, or with loss.

    Parameters
    ----------
    kind : a field by its order or categories, the shape of a number (members at both ends, or in
        between), having no value, or a pair of fields.
    title : the field, or both fields of a pair.
    head : the claim in short ("low brightness"); `rest` is what the sentence says of it.
    effect, low, high : in [-1, 1], within labels where that can be told.
    filter : text of the claim; '' where there is none.
    role : which way it points: defining, part, common, frequent, alike; '' for loss.
    also : fields that say the same.
    bars : how both sides are spread; None for a pair.
    fields : the two of a pair.
    known : share of the members that have a value.
    """

    kind: Kind
    title: str
    unit: str
    statistic: str
    stratum: str
    effect: float
    low: float
    high: float
    q_value: float
    n: int
    filter: str
    head: str
    sentence: str
    role: str
    also: tuple[str, ...] = ()
    bars: Bars | None = None
    fields: tuple[str, ...] = ()
    known: float = 1.0

    @property
    def weight(self) -> float:
        """What the list is ordered by: the effect, less where it is of few of the members."""
        return abs(self.effect) * self.known

    @property
    def rest(self) -> str:
        """What the sentence says of the claim."""
        for between in (": ", " "):
            if self.sentence.startswith(self.head + between):
                return self.sentence[len(self.head + between) :]
        return self.sentence


@dataclass(frozen=True, slots=True)
class Aside:
    """A field that is not shown on its own; see the table `fields_aside`."""

    field: str
    reason: str
    shown_by: str
    distinct: int | None


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found, and what was not: fields `tested` and fields kept `aside`, with reasons."""

    found: tuple[Finding, ...]
    tested: int
    aside: tuple[Aside, ...]


def findings(run: RunFile, concept_id: int, target: Target = "membership") -> Findings:
    """Tell what goes with a concept, the strongest effect within labels first.

    An effect counts by the share of members that have a value. Of fields that say the same one is
    shown: that of the concept's rule, else the user's own or the most readable, unless another is
    clearly stronger here. What may be chance (q above 0.05) is left out.

    Parameters
    ----------
    concept_id : -1 for all samples, which have no members: only `target` loss.
    """
    rows = _rows(run, concept_id, target)
    aside = fields_aside(run)
    shown_by = {one.field: one.shown_by for one in aside if one.shown_by}
    fields = [row for row in rows if row["statistic"] not in ("missing", "mutual-information")]
    shapes = {row["field"]: row for row in rows if row["statistic"] == "mutual-information"}
    gaps = [_of_row(row, None) for row in rows if row["statistic"] == "missing"]
    ordered = _beyond_chance(_of_row(row, shapes.get(row["field"])) for row in fields)
    kept = _one_of_each(ordered, shown_by, _named(run, concept_id))
    kept += _same_gaps(_beyond_chance(gaps))
    kept.sort(key=lambda each: (-each.weight, each.title))
    for pair in _beyond_chance(_pairs(run, concept_id) if target == "membership" else []):
        kept.insert(_after_its_fields(pair, kept), pair)
    return Findings(tuple(kept), len(fields), aside)


def fields_aside(run: RunFile) -> tuple[Aside, ...]:
    """List the fields that are not shown on their own, in the order of the run."""
    sql = """
        SELECT field, reason, coalesce(shown_by, ''), "distinct" FROM fields_aside ORDER BY rowid
    """
    return tuple(Aside(*row) for row in fetch_rows(run, sql))


def _named(run: RunFile, concept_id: int) -> frozenset[str]:
    """Fields of the rule that a concept is named by."""
    sql = "SELECT rule ->> '$.filter' FROM concepts WHERE concept_id = $concept"
    rule = next(iter(fetch_rows(run, sql, params={"concept": concept_id})), (None,))[0]
    return fields_of(parse(claim)) if (claim := _claim(rule)) else frozenset()


def _rows(run: RunFile, concept_id: int, target: Target) -> list[dict[str, Any]]:
    """One row a field and statistic: within labels where there is one, else plain."""
    sql = """
        SELECT c.field, coalesce(f.unit, '') AS unit, c.statistic, c.stratum, c.effect,
            coalesce(c.low, c.effect) AS low, coalesce(c.high, c.effect) AS high, c.q_value, c.n,
            c.detail::VARCHAR AS detail
        FROM correlations c LEFT JOIN metadata_fields f ON f.field = c.field
        WHERE c.concept_id = $concept AND c.target = $target AND c.effect IS NOT NULL
        QUALIFY row_number() OVER (
            PARTITION BY c.field, c.statistic ORDER BY c.stratum = 'label' DESC
        ) = 1
        ORDER BY c.field, c.statistic
    """
    params = {"concept": concept_id, "target": target}
    return list(fetch(run, sql, params=params).to_pylist())


def _of_row(row: Mapping[str, Any], shape: Mapping[str, Any] | None) -> Finding:
    """Read a row; the shape of a number stands for its order where that misses it."""
    detail = _detail(row["detail"])
    kind: Kind = "missing" if row["statistic"] == "missing" else "field"
    if shape is not None and abs(row["effect"]) < shape["effect"]:
        told = _detail(shape["detail"])
        if told.get("adds") and shape["q_value"] <= SIGNIFICANT:
            row, detail, kind = shape, told, "shape"
    return Finding(
        kind,
        row["field"],
        row["unit"] or "",
        row["statistic"],
        row["stratum"],
        row["effect"],
        row["low"],
        row["high"],
        1.0 if row["q_value"] is None else row["q_value"],
        row["n"] or 0,
        _claim(detail.get("filter")),
        str(detail.get("head") or row["field"]),
        str(detail.get("sentence") or ""),
        str(detail.get("role") or ""),
        bars=_bars(detail),
        known=_known(detail),
    )


def _beyond_chance(told: Iterable[Finding]) -> list[Finding]:
    """Leave out what may be chance, before one field stands for others that are not."""
    return [each for each in told if each.q_value <= SIGNIFICANT]


def _one_of_each(
    told: list[Finding], shown_by: Mapping[str, str], named: Collection[str]
) -> list[Finding]:
    """Keep one of the fields that say the same, and name the others beside it.

    `named` are the fields of the concept's rule.
    """
    families: dict[str, list[Finding]] = {}
    for one in told:
        families.setdefault(shown_by.get(one.title, one.title), []).append(one)
    kept = []
    for leader, family in families.items():
        usual = next((one for one in family if one.title == leader), family[0])
        usual = next((one for one in family if one.title in named), usual)
        best = max(family, key=lambda one: one.weight)
        shown = best if best.weight > usual.weight + STRONGER else usual
        kept.append(replace(shown, also=tuple(one.title for one in family if one is not shown)))
    return kept


def _same_gaps(told: list[Finding]) -> list[Finding]:
    """Keep one of the fields that are missing for the same samples, as their figures tell."""
    kept: dict[tuple[float, float, float, int], Finding] = {}
    for one in told:
        key = (one.effect, one.low, one.high, one.n)
        first = kept.get(key)
        kept[key] = one if first is None else replace(first, also=(*first.also, one.title))
    return list(kept.values())


def _after_its_fields(pair: Finding, kept: list[Finding]) -> int:
    """Place of a pair: by its effect, but first the field, then with what it combines."""
    told = False
    for place, one in enumerate(kept):
        own = bool({one.title, *one.also} & set(pair.fields))
        if one.kind != "pair" and one.weight < pair.effect:
            return place if told or not own else place + 1
        told |= own
    return len(kept)


def _pairs(run: RunFile, concept_id: int) -> list[Finding]:
    sql = """
        SELECT first, second, filter, effect, low, coalesce(high, effect) AS high, q_value, n,
            detail::VARCHAR AS detail
        FROM combinations
        WHERE concept_id = $concept AND gain >= $gain AND low > 0
        ORDER BY effect DESC, first, second
    """
    rows = fetch(run, sql, params={"concept": concept_id, "gain": GAIN}).to_pylist()
    return [
        Finding(
            "pair",
            f"{row['first']} and {row['second']}",
            "",
            "phi",
            "all",
            row["effect"],
            row["low"],
            row["high"],
            1.0 if row["q_value"] is None else row["q_value"],
            row["n"] or 0,
            _claim(row["filter"]),
            str(detail.get("head") or f"{row['first']} and {row['second']}"),
            str(detail.get("sentence") or ""),
            "pair",
            fields=(row["first"], row["second"]),
        )
        for row in rows
        for detail in [_detail(row["detail"])]
    ]


def _detail(text: str | None) -> Mapping[str, Any]:
    """Read a detail, which a stranger may have written."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _claim(filter: object) -> str:
    """Text of a filter that can be read; '' for anything else, which a stranger may have put in."""
    try:
        return filter if isinstance(filter, str) and parse(filter) != EVERYTHING else ""
    except FilterError:
        return ""


def _known(detail: Mapping[str, Any]) -> float:
    """Share of the members that have a value."""
    missing = detail.get("missing_inside")
    return 1 - missing if isinstance(missing, float) and 0 <= missing <= 1 else 1.0


def _bars(detail: Mapping[str, Any]) -> Bars | None:
    """Shares over the bins of a number, or over the first categories."""
    try:
        if "histogram" in detail:
            drawn = detail["histogram"]
            return Bars(_shares(drawn["inside"]), _shares(drawn["outside"]))
        if "top" in detail:
            top = detail["top"]
            labels = tuple(str(each["value"]) for each in top)
            if top and "mean_loss" in top[0]:
                return Bars(_shares(each["mean_loss"] for each in top), (), labels)
            return Bars(
                _shares(each["inside"] for each in top),
                _shares(each["outside"] for each in top),
                labels,
            )
        if "bins" in detail:
            return Bars(_shares(each["mean_loss"] for each in detail["bins"]), ())
    except (TypeError, KeyError, ValueError, OverflowError):
        return None
    return None


def _shares(values: Iterable[object]) -> tuple[float, ...]:
    return tuple(float(value) for value in values if isinstance(value, int | float))
