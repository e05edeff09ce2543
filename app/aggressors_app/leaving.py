"""Queries of a page that was left end with it: they would hold up those of the next one.

Streamlit starts the next run of a session beside the one it replaces, which it can stop only
between two elements, so never inside a query. Hence each run first gives up what the session was
still asking. A tab that is closed starts no further run; a thread looks after those.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from aggressors.store.asking import Asker, ask_for, asking_for

LOOKED_AFTER_S = 0.2  # between two looks for tabs that were closed


@dataclass(eq=False)
class Visitors:
    """Who asks, by session."""

    _askers: dict[str, Asker] = field(default_factory=dict)
    _left: list[Asker] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def arrive(self, session: str) -> Asker:
        """Give up what the session was asking; return whoever asks for it from now on."""
        asker = Asker()
        with self._lock:
            before = self._askers.get(session)
            self._askers[session] = asker
            self._left += [before] if before else []
        if before is not None:
            before.give_up()
        return asker

    def asker(self, session: str) -> Asker | None:
        """Return who asks for a session now."""
        with self._lock:
            return self._askers.get(session)

    def give_up_absent(self, present: frozenset[str]) -> None:
        """Give up what sessions were asking that are not `present`."""
        with self._lock:
            gone = [self._askers.pop(session) for session in self._askers.keys() - present]
            # Those before them too: an interrupt is lost on a query that had not quite started.
            self._left = gone + [asker for asker in self._left if asker.waits]
            left = list(self._left)
        for asker in left:
            asker.give_up()

    def known(self) -> frozenset[str]:
        """Sessions that asked and are not known to be gone."""
        with self._lock:
            return frozenset(self._askers)


visitors = Visitors()


def arrive() -> None:
    """Begin a run of the whole page; to be called before anything is asked."""
    context = get_script_run_ctx()
    if context is not None:
        ask_for(visitors.arrive(context.session_id))


def join() -> None:
    """Ask for the session of this thread, where its run did not `arrive`: a fragment's."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is not None and asking_for() is None:
        ask_for(visitors.asker(context.session_id))


def watch() -> None:
    """Give up what closed tabs were asking, for as long as the server runs."""
    while runtime.exists():
        time.sleep(LOOKED_AFTER_S)
        served = runtime.get_instance()
        visitors.give_up_absent(frozenset(filter(served.is_active_session, visitors.known())))
