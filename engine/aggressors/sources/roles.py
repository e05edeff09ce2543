"""Which column of a table of predictions is what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from shlex import quote

from aggressors.errors import TableError, UsageError


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the columns by role; default is the role's own name, where there is such a column.

    Parameters
    ----------
    sample_id : stable id, unique over all populations.
    label : ground truth: class name or number.
    prediction : what the model says: class name or number.
    probabilities : list of one probability a class, in the order of the classes.
    loss : loss of the sample.
    embedding : list of numbers, the same length for every sample.
    image : encoded bytes, or a path below the media root.
    text : text of the sample.
    weight : weight of the sample in means.
    group : samples of one group stay in one half.
    metric : columns with a number that the model is judged by, such as its word error rate; any
        number of them. They are no metadata, so that no group is described by them.
    """

    sample_id: str | None = None
    label: str | None = None
    prediction: str | None = None
    probabilities: str | None = None
    loss: str | None = None
    embedding: str | None = None
    image: str | None = None
    text: str | None = None
    weight: str | None = None
    group: str | None = None
    metric: tuple[str, ...] = ()

    @classmethod
    def parse(cls, pairs: Iterable[str]) -> Columns:
        """Build from texts such as `loss=nll`.

        Raises
        ------
        UsageError : a text is no ROLE=COLUMN, or the role is unknown or stands twice.
        """
        given: dict[str, str] = {}
        metrics: list[str] = []
        for pair in pairs:
            role, equals, column = pair.partition("=")
            if not equals or not column:
                raise UsageError(f"--columns takes ROLE=COLUMN; got {pair!r}. Write loss=nll.")
            if role == "metric":
                metrics.append(column)
                continue
            if role not in ROLES:
                known = (*ROLES, "metric")
                near = get_close_matches(role, known, n=1)
                hint = f"the nearest is {near[0]!r}" if near else f"they are {', '.join(known)}"
                raise UsageError(f"There is no column role {role!r}; {hint}.")
            if role in given:
                raise UsageError(f"--columns names {role!r} twice. Leave one out.")
            given[role] = column
        return cls(**given, metric=tuple(dict.fromkeys(metrics)))

    def name(self, role: str) -> str:
        """Name of the column that has a role."""
        return str(getattr(self, role) or role)

    def found(self, names: Sequence[str], where: str) -> dict[str, str]:
        """Find the roles in the columns of a table; role -> column.

        Raises
        ------
        TableError : a column that was named is not there, or has two roles.
        """
        roles: dict[str, str] = {}
        for role in ROLES:
            column = self.name(role)
            if column in names:
                roles[role] = column
            elif getattr(self, role):
                raise missing(role, column, names, where)
        taken: dict[str, str] = {}
        for role, column in roles.items():
            if column in taken:
                raise TableError(
                    f"Column {column!r} of {where} is both {taken[column]} and {role}. "
                    f"Name another column for one of them, such as --columns {role}=COLUMN."
                )
            taken[column] = role
        for column in self.metric:
            if column in taken:
                raise TableError(
                    f"Column {column!r} of {where} is both {taken[column]} and a metric. "
                    f"Leave out --columns metric={quote(column)}."
                )
        return roles


# Of one column each; a table may have many metrics.
ROLES = tuple(entry.name for entry in fields(Columns) if entry.name != "metric")


def missing(role: str, column: str, names: Sequence[str], where: str) -> TableError:
    """Build the error of a column that is not there, with the nearest one that is."""
    free = [name for name in names if name == role or name not in ROLES]
    near = get_close_matches(column, free, n=1)
    if not near:
        listed = ", ".join(repr(name) for name in names[:10]) + ", …" * (len(names) > 10)
        return TableError(
            f"Column {column!r} is not in {where}, which has {listed}. "
            f"Pass --columns {role}=COLUMN with the one that holds it."
        )
    return TableError(
        f"Column {column!r} is not in {where}; the nearest is {near[0]!r}. "
        f"Pass columns=Columns({role}={near[0]!r}), or --columns {quote(f'{role}={near[0]}')}."
    )
