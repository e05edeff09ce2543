"""The text form of a filter: the same in the URL, on the command line and in saved files.

    brightness < 0.2 and label in (coat, shirt) and not correct = no

    filter    = "all" | "none" | any
    any       = every { "or" every }
    every     = part { "and" part }
    part      = "not" part | "(" any ")" | saved | condition
    saved     = "@" name
    condition = name ( "is" [ "not" ] "missing" | "in" list | operator value | "contains" value )
    operator  = "=" | "!=" | "<" | "<=" | ">" | ">="
    list      = "(" value { "," value } ")"
    value     = number | "true" | "false" | word | "quoted string"

Keywords are not case-sensitive. Inside quotes a backslash escapes a quote and itself. `@dusk` is
the filter that a workspace keeps under that name; `expand` puts it in its place, and only then is
the text a filter. A filter may come from a stranger's link, so length, nesting and size are
bounded before anything else happens.
"""
# A little over 400 lines: reading, writing and taking apart of one grammar stand together.

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Literal, NamedTuple, NoReturn, cast

from aggressors.contracts import EVERYTHING, Condition, Filter, Group, Not, Operator, Scalar
from aggressors.errors import FilterError

MAX_LENGTH = 2_000_000  # characters; a list of `MAX_VALUES` long sample ids
MAX_DEPTH = 16
MAX_CONDITIONS = 100
MAX_VALUES = 20_000  # in one list
MAX_DIGITS = 18  # of a whole number; fits 64 bits
NOTHING = Group("or")
SAVED = "@"  # begins the name of a filter that a workspace keeps
Saved = Callable[[str], str]  # from the name of a kept filter, without `SAVED`, to its text

KEYWORDS = frozenset(
    {"and", "or", "not", "in", "is", "missing", "contains", "all", "none", "true", "false"}
)
_NO_VALUES = KEYWORDS - {"true", "false"}
_BEGINS_NUMBER = frozenset("-0123456789")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_TOKEN = re.compile(
    r"""\s*(?: (?P<quoted>"(?:[^"\\]|\\.)*")
          | (?P<sign><=|>=|!=|=|<|>|\(|\)|,)
          | (?P<word>[^\s"<>=!(),]+))""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)

Kind = Literal["word", "quoted", "sign", "end"]


class _Token(NamedTuple):  # of which a long list makes forty thousand
    kind: Kind
    text: str
    at: int  # position in the filter's text, from 0

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and self.text.lower() in words


def parse(text: str) -> Filter:
    """Read a filter from its text form.

    Parameters
    ----------
    text : at most `MAX_LENGTH` characters; empty means every sample.

    Raises
    ------
    FilterError : not a filter; the message names the position and what was expected there. Also
        for the name of a kept filter, which `expand` would have replaced.
    """
    # Every cached question reads its filter again: a list of 20,000 samples would cost 50 ms each.
    return _read(text) if len(text) <= _SHORT else _read_long(text)


def _parse(text: str) -> Filter:
    if len(text) > MAX_LENGTH:
        raise FilterError(
            f"The filter has {len(text):,} characters; at most {MAX_LENGTH:,} are read. Shorten it."
        )
    if not text.strip():
        return EVERYTHING
    return _Parser(text).parse()


_SHORT = 2_000  # characters; of longer ones few are remembered, as each holds much
_read, _read_long = lru_cache(256)(_parse), lru_cache(8)(_parse)


def expand(text: str, saved: Saved) -> str:
    """Put the filters that a workspace keeps in the place of their names.

    Parameters
    ----------
    text : such as "@dusk" or "@dusk and label = coat"; one that names none is returned as it is.
    saved : gives the text of a kept filter; raises FilterError for a name that it does not know.

    Raises
    ------
    FilterError : not a filter, or one that names a filter which is not kept.
    """
    if SAVED not in text:
        return text
    if len(text) > MAX_LENGTH or not _names_any(text):
        return text
    whole = text.strip()
    if _REFERENCE.fullmatch(whole):
        return saved(whole.removeprefix(SAVED))
    return format_filter(_Parser(text, saved).parse())


_REFERENCE = re.compile(rf"{SAVED}[^\s\"<>=!(),]+")


def _names_any(text: str) -> bool:
    """Whether a name of a kept filter may stand in a text: outside quotes, as a word begins."""
    return any(token.kind == "word" and token.text.startswith(SAVED) for token in _tokens(text))


class _Parser:
    """Recursive descent over the tokens of one filter."""

    def __init__(self, text: str, saved: Saved | None = None) -> None:
        self.tokens = _tokens(text)
        self.saved = saved
        self.next = 0
        self.conditions = 0

    def parse(self) -> Filter:
        whole: Filter
        if len(self.tokens) == 2 and self.peek().is_word("all", "none"):
            whole = EVERYTHING if self.take().text.lower() == "all" else NOTHING
        else:
            whole = self.any(0)
        if self.peek().kind != "end":
            self.fail("'and', 'or' or the end")
        return whole

    def any(self, depth: int) -> Filter:
        return self.group("or", depth)

    def group(self, kind: Literal["and", "or"], depth: int) -> Filter:
        parts = [self.operand(kind, depth)]
        while self.peek().is_word(kind):
            self.take()
            parts.append(self.operand(kind, depth))
        return parts[0] if len(parts) == 1 else Group(kind, tuple(parts))

    def operand(self, kind: Literal["and", "or"], depth: int) -> Filter:
        return self.group("and", depth) if kind == "or" else self.part(depth)

    def part(self, depth: int) -> Filter:
        token = self.peek()
        if depth > MAX_DEPTH:
            raise FilterError(
                f"The filter is nested more than {MAX_DEPTH} deep at position {token.at}. "
                "Write it with fewer parentheses."
            )
        if token.is_word("not"):
            self.take()
            return Not(self.part(depth + 1))
        if token.text == "(" and token.kind == "sign":
            self.take()
            inside = self.any(depth + 1)
            self.sign(")", "'and', 'or' or ')'")
            return inside
        return self.condition()

    def condition(self) -> Filter:
        self.conditions += 1
        if self.conditions > MAX_CONDITIONS:
            raise FilterError(f"The filter has more than {MAX_CONDITIONS} conditions. Shorten it.")
        token = self.peek()
        if token.kind not in ("word", "quoted") or token.is_word(*KEYWORDS):
            self.fail("a field, 'not' or '('")
        named = token.kind == "word" and token.text.startswith(SAVED)
        field = self.take().text
        token = self.peek()
        closed = token.kind == "end" or (token.kind == "sign" and token.text == ")")
        if named and (closed or token.is_word("and", "or")):
            return self.kept(field)
        if token.is_word("is"):
            return self.missing(field)
        if token.is_word("in"):
            self.take()
            return Condition(field, "in", self.list())
        if token.is_word("contains"):
            self.take()
            return Condition(field, "contains", (self.value(),))
        if token.kind != "sign" or token.text not in ("=", "!=", "<", "<=", ">", ">="):
            self.fail("=, !=, <, <=, >, >=, 'in', 'contains' or 'is missing'")
        self.take()
        return Condition(field, cast(Operator, token.text), (self.value(),))

    def kept(self, name: str) -> Filter:
        if self.saved is not None:
            return parse(self.saved(name.removeprefix(SAVED)))
        raise FilterError(
            f"{name} is the name of a saved filter, and no filter of that name is known here. "
            "Write the filter itself, or name the workspace that keeps it with --workspace DIR."
        )

    def missing(self, field: str) -> Filter:
        self.take()
        negated = self.peek().is_word("not")
        if negated:
            self.take()
        if not self.peek().is_word("missing"):
            self.fail("'missing'")
        self.take()
        there = Condition(field, "missing")
        return Not(there) if negated else there

    def list(self) -> tuple[Scalar, ...]:
        self.sign("(", "'(' and a list of values")
        values = [self.value()]
        while self.tokens[self.next][:2] == ("sign", ","):
            self.next += 1
            values.append(self.value())
        if len(values) > MAX_VALUES:
            raise FilterError(
                f"A list of the filter has {len(values):,} values; at most {MAX_VALUES:,} are "
                "read. Shorten it."
            )
        self.sign(")", "',' or ')'")
        return tuple(values)

    def value(self) -> Scalar:
        kind, text, _ = self.tokens[self.next]
        if kind not in ("word", "quoted") or (kind == "word" and text.lower() in _NO_VALUES):
            self.fail('a value (quote a word such as "and")')
        self.next += 1
        return text if kind == "quoted" else _scalar(text)

    def sign(self, text: str, expected: str) -> None:
        if self.peek().kind != "sign" or self.peek().text != text:
            self.fail(expected)
        self.take()

    def peek(self) -> _Token:
        return self.tokens[self.next]

    def take(self) -> _Token:
        self.next += 1
        return self.tokens[self.next - 1]

    def fail(self, expected: str) -> NoReturn:
        token = self.peek()
        got = "the end" if token.kind == "end" else repr(token.text)
        raise FilterError(f"Filter, position {token.at + 1}: expected {expected}; got {got}.")


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    read = 0
    for match in _TOKEN.finditer(text):
        if match.start() != read:  # something before it is no token
            break
        kind = cast(Kind, match.lastgroup)
        found = match[kind]
        if kind == "quoted":
            found = _ESCAPED.sub(r"\1", found[1:-1])
        read = match.end()
        tokens.append(_Token(kind, found, match.start(kind)))
    at = len(text) - len(text[read:].lstrip())
    if at < len(text):
        what = "a quote that is never closed" if text[at] == '"' else repr(text[at])
        raise FilterError(
            f"Filter, position {at + 1}: expected a field, an operator or a value; got {what}."
        )
    return [*tokens, _Token("end", "", len(text))]


def _scalar(word: str) -> Scalar:
    if word.lower() in ("true", "false"):
        return word.lower() == "true"
    match = _NUMBER.fullmatch(word) if word[:1] in _BEGINS_NUMBER else None
    if match is None:
        return word
    if match.group(2) is None and match.group(3) is None:
        return int(word) if len(word.lstrip("-")) <= MAX_DIGITS else word
    number = float(word)
    return number if math.isfinite(number) else word


# --- back to text ---


def format_filter(filter: Filter) -> str:
    """Write a filter as text; for a canonical filter `parse(format_filter(f)) == f`.

    Raises
    ------
    FilterError : a condition that has no text form (no value, or a number that is not finite).
    """
    filter = canonical(filter)
    if filter == EVERYTHING:
        return "all"
    return "none" if filter == NOTHING else _text(filter)


def _text(filter: Filter) -> str:
    if isinstance(filter, Group):
        return f" {filter.kind} ".join(_operand(part) for part in filter.parts)
    if isinstance(filter, Not):
        return f"not {_operand(filter.part)}"
    if len(filter.values) <= _FEW or not all(isinstance(value, str) for value in filter.values):
        return _claim(filter)
    # A list of samples is written again for every control that changes another part of its filter.
    return _long_claim(filter)


_FEW = 100  # values; only texts are remembered, as 1 and true would be taken for each other


def _claim(filter: Condition) -> str:
    name = _quote(filter.field)
    if filter.op == "missing":
        return f"{name} is missing"
    if not filter.values or (len(filter.values) > 1 and filter.op != "in"):
        raise FilterError(
            f"A condition on {filter.field!r} with {filter.op!r} takes "
            f"{'at least one value' if filter.op == 'in' else 'one value'}; "
            f"got {len(filter.values)}."
        )
    values = [_value(value) for value in filter.values]
    return f"{name} {filter.op} " + (f"({', '.join(values)})" if filter.op == "in" else values[0])


_long_claim = lru_cache(8)(_claim)


def _operand(filter: Filter) -> str:
    return f"({_text(filter)})" if isinstance(filter, Group) else _text(filter)


def _value(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quote(value) if isinstance(_scalar(value), str) else f'"{value}"'
    text = repr(value) if math.isfinite(value) else ""
    if isinstance(_scalar(text), str):
        raise FilterError(
            f"A filter compares with finite numbers of at most {MAX_DIGITS} digits; got {value!r}."
        )
    return text


def _quote(word: str) -> str:
    plain = _TOKEN.fullmatch(word)
    if plain is not None and plain["word"] == word and word.lower() not in KEYWORDS:
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


# --- parts ---


def canonical(filter: Filter) -> Filter:
    """Drop needless groups: those within their own kind, and those of one part."""
    if isinstance(filter, Condition):
        return filter
    if isinstance(filter, Not):
        part = canonical(filter.part)
        if part in (EVERYTHING, NOTHING):
            return NOTHING if part == EVERYTHING else EVERYTHING
        return Not(part)
    parts: list[Filter] = []
    for part in map(canonical, filter.parts):
        if isinstance(part, Group) and part.kind == filter.kind:
            parts.extend(part.parts)
        elif part in (EVERYTHING, NOTHING):  # everything in an `or`, nothing in an `and`
            return part
        else:
            parts.append(part)
    return parts[0] if len(parts) == 1 else Group(filter.kind, tuple(parts))


def both(*filters: Filter) -> Filter:
    """Join filters so that all hold; a claim made twice stands once."""
    whole = canonical(Group("and", filters))
    once: dict[str, Filter] = {}
    for part in chips(whole):  # by their look: 1 and true are equal, but not as categories
        once.setdefault(repr(part), part)
    return canonical(Group("and", tuple(once.values())))


def chips(filter: Filter) -> tuple[Filter, ...]:
    """Take apart the claims joined by `and` at the top, in order; none for every sample."""
    filter = canonical(filter)
    if isinstance(filter, Group) and filter.kind == "and":
        return filter.parts
    return (filter,)


def fields_of(filter: Filter) -> frozenset[str]:
    """Names that the conditions of a filter ask for."""
    if isinstance(filter, Condition):
        return frozenset({filter.field})
    parts = filter.parts if isinstance(filter, Group) else (filter.part,)
    return frozenset(name for part in parts for name in fields_of(part))


def without(filter: Filter, index: int) -> Filter:
    """Drop the chip at `index`."""
    kept = chips(filter)
    return canonical(Group("and", kept[:index] + kept[index + 1 :]))
