"""What a page of the guide says, held against what the dashboard and the command line show."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
NUMBER = r"([−+-]?\d[\d,]*(?:\.\d+)?)"
# By how much figures may differ from machine to machine: a share, or if larger so many units, or
# so many of what is counted.
SHARE, UNITS, COUNT = 0.15, 0.02, 3

FENCE = re.compile(r"^```[^\n]*\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
PICTURE = re.compile(r"!\[[^\]]*\]\(pictures/([^)]+)\)")


def numbers(phrase: str, text: str) -> list[float]:
    """Numbers of a text in the places of a phrase where it has #; white space counts for nothing.

    The phrase has to be there, and it is the first such place that is read.
    """
    found = re.search(_pattern(phrase), text)
    assert found, f"{phrase!r} is not in:\n{text}"
    return [_value(one) for one in found.groups()]


def _pattern(phrase: str) -> str:
    return r"\s*".join(map(re.escape, phrase.split())).replace(r"\#", NUMBER)


def _value(text: str) -> float:
    return float(text.replace(",", "").replace("−", "-"))


def near(told: list[float], shown: list[float]) -> bool:
    """Tell whether numbers are the same up to what differs from machine to machine."""
    counted = all(one == int(one) and abs(one) >= COUNT for one in told)
    return told == pytest.approx(shown, rel=SHARE, abs=COUNT if counted else UNITS)


class Page:
    """A page of the guide: its prose, what it has typed, and which of its figures were checked."""

    def __init__(self, name: str) -> None:
        text = (DOCS / name).read_text(encoding="utf-8")
        self.pictures = PICTURE.findall(text)
        self.typed = FENCE.findall(text)
        prose = PICTURE.sub("", FENCE.sub("", text))
        self.code = re.findall(r"`([^`\n]+)`", prose)
        prose = re.sub(r"^#.*$|`[^`\n]*`|\]\([^)]*\)|[*\[]", "", prose, flags=re.MULTILINE)
        self.prose = " ".join(prose.split())
        self.unchecked = self.prose

    def says(self, phrase: str, shown: str, where: str = "", *, exactly: bool = False) -> None:
        """Hold a phrase with # for each figure against what is shown, there in the words `where`.

        Raises
        ------
        AssertionError : either of them has no such words, or the figures are not those.
        """
        told, real = numbers(phrase, self.prose), numbers(where or phrase, shown)
        assert told == real if exactly else near(told, real), (
            f"{phrase!r}: {told} stand in the guide, {real} on the page"
        )
        self.unchecked = re.sub(_pattern(phrase), "", self.unchecked, count=1)

    def left(self) -> list[str]:
        """Figures of the prose that nobody held against anything."""
        return re.findall(r"(?<![\w-])\d[\d,.]*", self.unchecked)

    def shows(self, command: str, printed: str) -> None:
        """Hold what the page says that a command prints against what it prints.

        Words are the same to the letter, and figures near; lines may break elsewhere.
        """
        told = self.printed(command)
        words = [" ".join(re.sub(NUMBER, "#", one).split()) for one in (told, printed)]
        assert words[0] == words[1]
        for ours, theirs in zip(*(re.findall(NUMBER, one) for one in (told, printed)), strict=True):
            same = near([_value(ours)], [_value(theirs)])
            assert same, f"{command}: {ours} stands in the guide, {theirs} is printed"

    def printed(self, command: str) -> str:
        """What stands below a command that the page types, down to the next."""
        given = [block.split(f"$ {command}\n") for block in self.typed]
        (told,) = [parts[1] for parts in given if len(parts) == 2]
        return told.partition("$ ")[0]
