"""Arrays made from run files, kept while there is room: a run file never changes.

A page asks ten questions about the same filter and the same few columns. Held in memory, as pandas
would hold them, each is read once, and not per question or per visitor.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np

if TYPE_CHECKING:
    from aggressors.store.read import RunFile

MOST_BYTES = 256_000_000  # of all runs together; what is larger than a quarter of it is not kept
BYTES_A_SAMPLE = 60  # beyond it for a large run: seven columns, where a table in memory has all
_SHARE = 4

Array: TypeAlias = Any  # of numpy or Arrow, whose types mypy does not both know
T = TypeVar("T")
Key = tuple[int, str]


@dataclass(eq=False)
class Held:
    """The least recently used arrays go first; several threads may ask at once."""

    most_bytes: int = MOST_BYTES
    _entries: OrderedDict[Key, Array] = field(default_factory=OrderedDict)
    _making: dict[Key, Lock] = field(default_factory=dict)
    _runs: set[int] = field(default_factory=set)
    _gone: deque[int] = field(default_factory=deque)
    _bytes: int = 0
    _lock: Lock = field(default_factory=Lock)

    def get(self, run: RunFile, what: str, make: Callable[[], T]) -> T:
        """Return the array that `what` names for a run, made once however many ask for it.

        Parameters
        ----------
        what : names the array, and everything it depends on beside the run.
        make : gives it; nobody changes it afterwards.
        """
        key = id(run), what
        if (found := self._find(key)) is None:
            with self._lock:
                making = self._making.setdefault(key, Lock())
            try:
                with making:  # those who ask meanwhile wait for the first
                    if (found := self._find(key)) is None:
                        found = make()
                        self._keep(run, key, found)
            finally:
                with self._lock:
                    self._making.pop(key, None)
        made: T = found
        return made

    @property
    def bytes(self) -> int:
        """What is held now."""
        with self._lock:
            self._forget_gone()
            return self._bytes

    def _find(self, key: Key) -> Array | None:
        with self._lock:
            self._forget_gone()
            if key in self._entries:
                self._entries.move_to_end(key)
            return self._entries.get(key)

    def _forget_gone(self) -> None:
        """Let go of the arrays of runs that are gone, before another run gets their identity.

        A run may go while this thread holds the lock, so that its going only leaves a note.
        """
        while self._gone:
            owner = self._gone.popleft()
            for key in [key for key in self._entries if key[0] == owner]:
                self._bytes -= self._entries.pop(key).nbytes
            self._runs.discard(owner)

    def _keep(self, run: RunFile, key: Key, found: Array) -> None:
        room = max(self.most_bytes, BYTES_A_SAMPLE * sum(run.populations.values()))
        if found.nbytes > room // _SHARE:
            return
        if isinstance(found, np.ndarray):
            found.flags.writeable = False
        with self._lock:
            if key[0] not in self._runs:
                self._runs.add(key[0])
                weakref.finalize(run, self._gone.append, key[0])
            self._entries[key] = found
            self._bytes += found.nbytes
            while self._bytes > room:
                self._bytes -= self._entries.popitem(last=False)[1].nbytes


held = Held()


def once_a_run(question: Callable[[RunFile], T]) -> Callable[[RunFile], T]:
    """Ask a question once for each run that is open, whose answer is small and nobody changes."""
    answers: weakref.WeakKeyDictionary[RunFile, T] = weakref.WeakKeyDictionary()
    lock = Lock()

    @wraps(question)
    def answer(run: RunFile) -> T:
        with lock:
            if run in answers:
                return answers[run]
        found = question(run)
        with lock:
            return answers.setdefault(run, found)

    return answer
