"""Which column of a table of predictions is what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from shlex import quote

import pyarrow as pa

from aggressors.errors import TableError, UsageError
from aggressors.sources.spaces import PREFIX, name_problem


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
    spaces : column by name of a further space; default every `embedding_<name>` that holds lists.
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
    spaces: Mapping[str, str] = field(default_factory=dict)
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
            if role.startswith(PREFIX):
                if problem := name_problem(role.removeprefix(PREFIX)):
                    raise UsageError(f"--columns got {pair!r}. {problem}")
            elif role not in ROLES:
                known = (*ROLES, "metric")
                near = get_close_matches(role, known, n=1)
                hint = f"the nearest is {near[0]!r}" if near else f"they are {', '.join(known)}"
                raise UsageError(f"There is no column role {role!r}; {hint}.")
            if role in given:
                raise UsageError(f"--columns names {role!r} twice. Leave one out.")
            given[role] = column
        spaces = {role: given.pop(role) for role in list(given) if role.startswith(PREFIX)}
        return cls(
            **given,
            spaces={role.removeprefix(PREFIX): column for role, column in spaces.items()},
            metric=tuple(dict.fromkeys(metrics)),
        )

    def name(self, role: str) -> str:
        """Name of the column that has a role."""
        return str(getattr(self, role) or role)

    def found(self, table: pa.Table, where: str) -> dict[str, str]:
        """Find the roles in the columns of a table; role -> column.

        The role of a further space is `embedding_<name>`.

        Raises
        ------
        TableError : a column that was named is not there, or has two roles.
        """
        names = table.column_names
        roles: dict[str, str] = {}
        for role in ROLES:
            column = self.name(role)
            if column in names:
                roles[role] = column
            elif getattr(self, role):
                raise missing(role, column, names, where)
        roles |= self._spaces(table, roles, where)
        taken: dict[str, str] = {}
        for role, column in roles.items():
            if column in taken:
                raise TableError(
                    f"Column {column!r} of {where} is both {taken[column]} and {role}. "
                    f"Name another column for one of them, such as --columns {role}=COLUMN."
                )
            taken[column] = role
        _check_spaces(roles, where)
        for column in self.metric:
            if column in taken:
                raise TableError(
                    f"Column {column!r} of {where} is both {taken[column]} and a metric. "
                    f"Leave out --columns metric={quote(column)}."
                )
        return roles

    def _spaces(self, table: pa.Table, roles: Mapping[str, str], where: str) -> dict[str, str]:
        """Find the further spaces: those that were named, and every `embedding_<name>` of lists."""
        named = {PREFIX + name: column for name, column in self.spaces.items()}
        for role, column in named.items():
            if column not in table.column_names:
                raise missing(role, column, table.column_names, where)
        taken = {*roles.values(), *named, *named.values()}
        lists = (
            column
            for column in table.column_names
            if column.startswith(PREFIX) and column not in taken and _holds_lists(table[column])
        )
        return named | {column: column for column in lists}


# Of one column each; a table may have many further spaces and metrics.
ROLES = tuple(each.name for each in fields(Columns) if each.name not in ("spaces", "metric"))


# A bracket, or two numbers one after the other.
_NUMBERS = re.compile(r"\s*(\[|[-+]?\.?\d[\d.eE+-]*[\s,;|]+[-+]?\.?\d)")


def _holds_lists(column: pa.ChunkedArray) -> bool:
    """Whether a column holds vectors, or texts that a CSV has for them.

    So does one of texts in another form than `[0.1, 0.9]`, which is then refused with a sentence
    instead of becoming metadata.
    """
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        known = column.drop_null()
        return len(known) > 0 and _NUMBERS.match(known[0].as_py()) is not None
    return is_list(kind)


def is_list(kind: pa.DataType) -> bool:
    """Whether values of a type are lists."""
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _check_spaces(roles: Mapping[str, str], where: str) -> None:
    """Further spaces have plain names, and the main one beside them."""
    further = [role for role in roles if role.startswith(PREFIX)]
    for role in further:
        if problem := name_problem(role.removeprefix(PREFIX)):
            raise TableError(f"Column {roles[role]!r} of {where} is a further space. {problem}")
    if further and "embedding" not in roles:
        column = roles[further[0]]
        raise TableError(
            f"Column {column!r} of {where} is a further space, but there is no embedding beside "
            "it, by which similar samples are found. Add a column 'embedding', or pass "
            f"--columns embedding={column}."
        )


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
        f"Pass columns=Columns({_argument(role, near[0])}), or --columns "
        f"{quote(f'{role}={near[0]}')}."
    )


def _argument(role: str, column: str) -> str:
    if role.startswith(PREFIX):
        return f"spaces={{{role.removeprefix(PREFIX)!r}: {column!r}}}"
    return f"{role}={column!r}"
