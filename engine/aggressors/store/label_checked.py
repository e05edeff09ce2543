"""What a check of labels found: what may be taken, and all that keeps it from being taken."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from aggressors.errors import InputError
from aggressors.store.label_answers import Answer
from aggressors.store.label_events import SCHEMA, person
from aggressors.store.label_queues import LabelQueue
from aggressors.words import counted

_SHOWN = 3  # examples of a problem in a message


@dataclass(frozen=True, slots=True)
class Trouble:
    """One row that cannot be taken, and what it says; its place is that of `Answers.unit`."""

    row: int
    sample_id: str
    got: str


@dataclass(frozen=True, slots=True)
class Problem:
    """All rows that cannot be taken for one reason."""

    kind: str
    rows: tuple[Trouble, ...]
    next: str
    unit: str = "row"

    @property
    def sentence(self) -> str:
        """Say it with the first rows: "2 × unknown class: row 4, 'a' (coot), …; correct them"."""
        told = [
            f"{self.unit} {one.row}"
            + f", {one.sample_id!r}" * bool(one.sample_id)
            + f" ({one.got})"
            for one in self.rows[:_SHOWN]
        ]
        more = f" and {len(self.rows) - _SHOWN:,} more" * (len(self.rows) > _SHOWN)
        return f"{len(self.rows):,} × {self.kind}: {'; '.join(told)}{more}. To go on, {self.next}."


@dataclass(frozen=True, slots=True)
class Checked:
    """Answers that were checked against their queue, none taken yet.

    Parameters
    ----------
    form, unit : form of the file, and what the places of its rows count, see `Answers`.
    problems : what keeps them from being taken; `take` then refuses.
    labeled, rejected : what `take` takes.
    unchanged : samples of which the queue has this answer already.
    left_out : rows that were left out as was asked for.
    """

    queue: LabelQueue
    form: str
    rows: int
    problems: tuple[Problem, ...] = ()
    labeled: tuple[Answer, ...] = ()
    rejected: tuple[Answer, ...] = ()
    unchanged: int = 0
    left_out: int = 0
    new_classes: tuple[str, ...] = ()
    unit: str = "row"

    @property
    def unfit(self) -> int:
        """Rows with a problem; some may have several."""
        return len({(row.row, row.sample_id) for one in self.problems for row in one.rows})

    @property
    def refusal(self) -> str:
        """All problems in words, '' where there is none."""
        if not self.problems:
            return ""
        n, rows = self.unfit, counted(self.rows, "row")
        verb = "does" if n == 1 else "do"
        head = f"Nothing was taken: {n:,} of {rows} {verb} not fit {self.queue.name!r}."
        return "\n".join([head, *(f"- {one.sentence}" for one in self.problems)])

    def take(self, *, by: str = "") -> None:
        """Put the answers into the queue, in one batch.

        Parameters
        ----------
        by : who labeled, for rows that do not say.

        Raises
        ------
        InputError : there are problems; all are told. WorkspaceError : it cannot be written.
        """
        if self.problems:
            raise InputError(self.refusal)
        person(by)
        answers = [*self.labeled, *self.rejected]
        if not answers:
            return
        rows = [
            {
                "sample_id": one.sample_id,
                "event": "rejected" if one.why else "labeled",
                "label": one.label or None,
                "of_group": one.of_group,
                "why": one.why,
                "said_at": one.at,
                "by": one.by or None,
            }
            for one in answers
        ]
        names = list(rows[0])
        schema = pa.schema([SCHEMA.field(name) for name in names])
        self.queue.answer(pa.Table.from_pylist(rows, schema=schema), by=by)
