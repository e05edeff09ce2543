"""Who asks a run file, so that what nobody waits for any more can be given up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol

from aggressors.errors import GivenUp


class Interruptible(Protocol):
    """A cursor of DuckDB."""

    def interrupt(self) -> None:
        """Stop the query under way, which then raises."""


@dataclass(eq=False)
class Asker:
    """One view of one person: its queries under way, on whatever threads."""

    given_up: bool = False
    _under_way: set[Interruptible] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def give_up(self) -> None:
        """Interrupt what is under way, and refuse what would follow.

        A query that is only about to start does not notice: give up again until there is none.
        """
        with self._lock:
            self.given_up = True
            under_way = list(self._under_way)
        for cursor in under_way:
            cursor.interrupt()

    @property
    def waits(self) -> bool:
        """Whether a query is under way."""
        return bool(self._under_way)

    @contextmanager
    def asks(self, cursor: Interruptible) -> Iterator[None]:
        """Count a query as under way; raises GivenUp where nobody waits for it."""
        with self._lock:
            if self.given_up:
                raise GivenUp(NOBODY)
            self._under_way.add(cursor)
        try:
            yield
        finally:
            with self._lock:
                self._under_way.discard(cursor)


NOBODY = "Nobody waits for this answer any more. Open the page again."
_asker: ContextVar[Asker | None] = ContextVar("asker", default=None)


def asking_for() -> Asker | None:
    """Return who asks on this thread, if somebody said so."""
    return _asker.get()


def ask_for(asker: Asker | None) -> None:
    """Let the queries of this thread be those of `asker`."""
    _asker.set(asker)
