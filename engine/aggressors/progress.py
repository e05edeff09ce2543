"""Progress of a run on standard error: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO, TypeVar

from aggressors.words import duration

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import ProgressColumn, TaskID

T = TypeVar("T")
Advance = Callable[[int], None]

_SECONDS_BETWEEN_LINES = 10.0


class Progress(Protocol):
    """Shows how far a run is."""

    def step(self, what: str, total: int, done: int = 0) -> AbstractContextManager[Advance]:
        """Show a step of `total` items, `done` of them before; the body calls advance(n)."""
        ...

    def say(self, message: str) -> None:
        """Show one line."""
        ...


def track(progress: Progress, items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """Yield `items`, showing how many of `total` have been worked on."""
    with progress.step(what, total) as advance:
        for item in items:
            yield item
            advance(1)


def choose(stream: TextIO | None = None) -> Progress:
    """Bars where `stream` (default standard error) is a terminal, plain lines elsewhere."""
    stream = stream or sys.stderr
    return Bars(stream) if stream.isatty() else Lines(stream)


class Silent:
    """Shows nothing."""

    @contextmanager
    def step(self, what: str, total: int, done: int = 0) -> Iterator[Advance]:
        """Show nothing of a step."""
        yield lambda count: None

    def say(self, message: str) -> None:
        """Show nothing of a line."""


class Late:
    """Shows a step on another progress once it has lasted a while; a short one is not shown."""

    def __init__(self, shown: Progress, seconds: float = 2.0) -> None:
        self._shown, self._seconds = shown, seconds

    @contextmanager
    def step(self, what: str, total: int, done: int = 0) -> Iterator[Advance]:
        """Show a step that lasts."""
        begun, now = time.monotonic(), done
        inner: Advance | None = None

        def advance(count: int) -> None:
            nonlocal inner, now
            now += count
            if inner is not None:
                inner(count)
            elif now < total and time.monotonic() - begun >= self._seconds:
                inner = begun_late.enter_context(self._shown.step(what, total, now))

        with ExitStack() as begun_late:
            yield advance

    def say(self, message: str) -> None:
        """Show one line."""
        self._shown.say(message)


class Lines:
    """One line when a step begins, one each ten seconds, one when it ends.

    A step within a step is silent but for the lines in between.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._depth = 0

    @contextmanager
    def step(self, what: str, total: int, done: int = 0) -> Iterator[Advance]:
        """Show a step as lines."""
        started = told = time.monotonic()
        now = done

        def advance(count: int) -> None:
            nonlocal now, told
            now += count
            clock = time.monotonic()
            if clock - told >= _SECONDS_BETWEEN_LINES and now < total:
                told = clock
                rate = (now - done) / (clock - started)
                left = duration((total - now) / rate) if rate > 0 else "?"
                self.say(f"{what}: {now:,} of {total:,}, {rate:,.1f} a second, {left} left")

        outermost = self._depth == 0
        self._depth += 1
        try:
            if outermost:
                self.say(f"{what}: {_begin(total, done)}")
            yield advance
            if outermost:
                self.say(f"{what}: done in {duration(time.monotonic() - started)}")
        finally:
            self._depth -= 1

    def say(self, message: str) -> None:
        """Write one line."""
        print(message, file=self._stream, flush=True)


class Bars:
    """A bar a step, with rate and time left; a step within a step has a bar while it lasts."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console

        self._console = Console(file=stream)
        self._live: RichProgress | None = None

    @contextmanager
    def step(self, what: str, total: int, done: int = 0) -> Iterator[Advance]:
        """Show a step as a bar."""
        if self._live is not None:
            with _bar(self._live, f"  {what}", total, done) as (advance, task):
                yield advance
            self._live.remove_task(task)
            return
        from rich.progress import Progress as RichProgress

        with RichProgress(*_columns(), console=self._console) as self._live:
            try:
                with _bar(self._live, what, total, done) as (advance, _):
                    yield advance
            finally:
                self._live = None

    def say(self, message: str) -> None:
        """Write one line above the bars."""
        self._console.print(message, highlight=False, markup=False)


@contextmanager
def _bar(bars: RichProgress, what: str, total: int, done: int) -> Iterator[tuple[Advance, TaskID]]:
    """Show one bar; it pulses where the step is a single item, of which nothing can be told."""
    task = bars.add_task(what, total=None if total == 1 else total, completed=done)
    yield lambda count: bars.advance(task, count), task
    bars.update(task, total=total, completed=total)


def _columns() -> list[ProgressColumn]:
    from rich.progress import BarColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Count(ProgressColumn):
        """How many of how many, and the rate."""

        def render(self, task: Task) -> Text:
            if task.total is None or task.total == 1:
                return Text("")
            speed = task.finished_speed or task.speed
            rate = f"  {speed:,.0f}/s" if speed else ""
            return Text(f"{task.completed:,.0f}/{task.total:,.0f}{rate}")

    return [
        TextColumn("{task.description:<12}"),
        BarColumn(bar_width=32),
        TimeRemainingColumn(elapsed_when_finished=True),
        Count(),
    ]


def _begin(total: int, done: int) -> str:
    if done:
        return f"{total:,}, of which {done:,} are done already"
    return "started" if total == 1 else f"{total:,}"
