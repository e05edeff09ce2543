"""An address from a stranger, or edited by hand: a clear sentence, or it is left aside."""

from __future__ import annotations

import builtins
import io
import os

import pytest
from tests.app.reading import PAGES, shown

from aggressors_app import state

REFUSED = {
    "f": [
        ("'; DROP TABLE samples; --", "expected"),
        ('"; SELECT * FROM read_text(\'/etc/passwd\'); --', "never closed"),
        ("label = coat; SELECT 1", "expected"),
        ("1 = 1 or 1 = 1", "There is no field '1'"),
        ("samples.loss > 1", "There is no field 'samples.loss'"),
        ('"loss) OR 1=1 --" > 1', "There is no field"),
        ("label = coats", "the nearest is 'coat'"),
        ("brightness < dark", "is compared with numbers"),
        ("loss_quantile > dark", "is compared with numbers"),
        ("loss < true and loss >= 1", "is compared with numbers"),
        ("map in (a, b, c, d, e, f)", "is compared with numbers"),
        ("aggressor = first", "is compared with numbers"),
        ("label = \x00", "has no value"),
        ("x" * 100_000, "at most 8,000 are read from a link"),
        ("loss > 1 and " * 700 + "loss > 1", "at most 8,000 are read from a link"),
        (" and ".join(["loss > 1"] * 101), "more than 100 conditions"),
        ("(" * 300 + "loss > 1" + ")" * 300, "nested more than"),
        ("not " * 300 + "loss > 1", "nested more than"),
        ("@../../etc/passwd", "names no saved filter"),
        ("@/etc/passwd", "names no saved filter"),
        ("@" + "a" * 7_000, "names no saved filter"),
        ("map in (1, 2, 3)", "3 to 64 corners"),
        ("map in (1e308, -1e308, -1e308, 1e308, 5e307, 1e300)", "is too long to tell"),
        ("loss_quantile > 2", "lies in [0, 1]"),
        ("<script>alert(1)</script>", "expected"),
        ("![x](http://evil.example/x.png) = 1", "expected"),
    ],
    "run": [
        ("../../etc/passwd", "There is no run '../../etc/passwd'"),
        ("v1-0000.duckdb", "There is no run"),
        ("'; DROP TABLE run; --", "There is no run"),
        ("\x00", "There is no run"),
        ("<script>", "There is no run"),
    ],
}  # fmt: skip
IGNORED = {
    "a": ["-1", "1e9", "9999", "²", "__class__", "9" * 500, "\x00", "0"],
    "view": ["nan,nan,nan,nan", "1,0,1,0", "a", "inf,1,0,1", "-1e308,1e308,-1e308,1e308",
             "0,1e-320,0,1e-320", "1,2,3", ",,,"],
    "sort": ["__class__", "loss; DROP TABLE samples", "map", "aggressor", "row_id", "", "\x00"],
    "order": ["sideways"],
    "page": ["1e9", "-5", "9" * 20, "nan", "0", "1.5", "²", "9" * 6_000],
    "color": ["row_id) --", "sample_id", "loss", "map", "__class__", "\x00", "", "x" * 7_999],
    "tab": ["../../x", "map' --", "__class__", "\x00"],
    "sample": ["<script>alert(1)</script>", "'; DROP TABLE samples; --", "../../etc/passwd",
               "\x00", "x" * 7_999, "![x](http://evil.example/x.png)", "", "[a](b)"],
    "by": ["loss) --", "sample_id"], "against": ["nothing"], "show": ["../x", "worst"],
    "test": ["../../x"], "unknown": ["1"], "__proto__": ["1"], "f[]": ["1"], "": ["1"],
}  # fmt: skip
ROUNDS = max(map(len, IGNORED.values()))
INTERNALS = ("Traceback", "duckdb.", "Binder Error", "Parser Error", "SELECT ", "site-packages")


def looked_at(app):
    text = shown(app).replace("\\", "").replace("\u2060", "")
    for word in INTERNALS:
        assert word not in text.replace("; SELECT * FROM", "").replace("; SELECT 1", ""), word
    return text


@pytest.fixture
def opened_files(monkeypatch):
    """Paths that are opened while a page is shown."""
    seen = []
    real, real_os = io.open, os.open

    def watched(path, *args, **options):
        seen.append(str(path))
        return real(path, *args, **options)

    def watched_os(path, *args, **options):
        seen.append(str(path))
        return real_os(path, *args, **options)

    monkeypatch.setattr(builtins, "open", watched)
    monkeypatch.setattr(io, "open", watched)
    monkeypatch.setattr(os, "open", watched_os)
    return seen


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [(name, *case) for name, cases in REFUSED.items() for case in cases],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(
    opened, planted_versions, name, value, sentence, opened_files
):
    params = {"run": "v1-0000", "f": "all"} | {name: value}
    app = opened(planted_versions, "explore", **params)
    assert not app.exception
    said = app.error[0].value.replace("\\", "").replace("\u2060", "")
    assert sentence in said
    assert len(said) < 1_000
    looked_at(app)
    assert not [path for path in opened_files if "passwd" in path]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_leaves_aside_what_it_cannot_use(opened, planted_versions, page):
    usual = len(looked_at(opened(planted_versions, page, run="v1-0000", f="all")))
    for turn in range(ROUNDS):
        params = {name: values[turn % len(values)] for name, values in IGNORED.items()}
        app = opened(planted_versions, page, run="v1-0000", f="all", **params)
        assert not app.exception, params
        text = looked_at(app)
        assert "3,150 samples" in text, params
        assert len(text) < 3 * usual + 20_000, params
        for mark in ("<script", "![x]", "[a](b)"):  # a sentence may quote it, letter by letter
            assert mark not in shown(app).replace("\\<", "").replace("\\!", ""), params


def test_the_view_of_a_stranger_is_bounded():
    many = {f"p{place}": "1" for place in range(1_000)} | {"sort": "x" * 9_000}
    view = state.parse(many)
    assert len(view.local) == state.MOST
    assert "sort" not in view.local
