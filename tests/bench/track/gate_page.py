"""The section of the bench of the gate."""

from __future__ import annotations

from pathlib import Path

from bench.solve.page import write_section
from bench.track.gate_plot import draw

PAGE = Path(__file__).resolve().parents[3] / "docs" / "benchmarks" / "track.md"
PLOT = PAGE.with_name("track-gate.svg")
BLOCKED, ONE, TEN = 0.05, 0.95, 0.85  # at most, and at least
HALF = 0.15  # of accuracy: half of the gap that the tests were saved for
N = 200
WORDS = ("pass", "inconclusive", "fail")
NAMES = {"error": "error (right or wrong)", "loss": "loss"}


def write_page(result: dict) -> None:
    """Write the section into the page, and the plot beside it."""
    parts = [_head(result), _promises(result), _blocks(result), _caught(), _words(result),
             _margin(result)]  # fmt: skip
    text = "\n\n".join("\n".join(part) for part in parts)
    write_section(PAGE, "gate", text, title="Does Track tell a regression from chance?", by="track")
    PLOT.write_text(draw(result["caught"], result["default_margin"]))


def _head(result: dict) -> list[str]:
    return [
        "## Does the gate block good models, and does it see bad ones?",
        "",
        f"{result['networks']} networks of one recipe, which differ in their training seed alone, "
        f"answer {result['samples']:,} held-out photographs of the demo (accuracy "
        f"{result['accuracy']:.2f}). Any two of them are an accepted model and a new one without a "
        f"change, {result['trials']:,} times. The saved tests are the samples nearest to an anchor "
        "in the embedding of a further network. A regression is planted: samples that the new "
        f"model had right get the loss of its mistakes. {HALF:.2f} of accuracy is half of the gap "
        "that the test was saved for. A test of a run with classes compares error, unless another "
        "signal is asked for or its group stands out by loss alone.",
        "",
        f"Split *{result['split']}*, {result['date']}, {result['machine']}. In brackets 95 % over "
        "pairs; these share networks, so that the true intervals are wider.",
    ]


def _promises(result: dict) -> list[str]:
    lines = [
        "| | aim | " + " | ".join(NAMES.values()) + " |",
        "| --- | --- |" + " ---: |" * len(NAMES),
    ]
    blocked = "blocked without a change, {}, at worst over sizes"
    for kind, name in (("lot", "the two models swapped by lot"), ("seed", "another seed")):
        for tests in (1, 10, 50):
            cells = [
                _told(worst, worst[0] <= BLOCKED)
                for signal in NAMES
                for worst in [_worst(result, kind=kind, signal=signal, tests=tests)]
            ]
            what = f"{blocked.format(name)}, {_tests(tests)}"
            lines.append(f"| {what} | at most 5 % | " + " | ".join(cells) + " |")
    for tests, least in ((1, ONE), (10, TEN)):
        cells = [
            _told(found, found[0] >= least)
            for signal in NAMES
            for found in [_seen(result, signal=signal, n=N, lost=HALF, tests=tests)]
        ]
        what = f"{HALF:.2f} of accuracy lost on {N} samples is caught, {_tests(tests)}"
        lines.append(f"| {what} | at least {100 * least:.0f} % | " + " | ".join(cells) + " |")
    return lines


def _blocks(result: dict) -> list[str]:
    lines = [
        "| blocked by another seed | " + " | ".join(
            f"{name}, {_tests(tests)}" for name in NAMES.values() for tests in (1, 10, 50)) + " |",
        "| --- |" + " ---: |" * 3 * len(NAMES),
    ]  # fmt: skip
    for n in sorted({one["n"] for one in result["false_blocks"]}):
        cells = [
            _percent(_blocked(result, kind="seed", signal=signal, n=n, tests=tests))
            for signal in NAMES
            for tests in (1, 10, 50)
        ]
        lines.append(f"| {n:,} samples a test | " + " | ".join(cells) + " |")
    return lines


def _caught() -> list[str]:
    return [
        "![Share of regressions that fail their test](track-gate.svg)",
        "",
        "All figures are in `tests/bench/results/track_gate.json`.",
    ]


def _words(result: dict) -> list[str]:
    """Share of passes, since a gate that never says yes is no gate either."""
    lines = [
        "What a single test, one of ten, says of a model without a change: few samples seldom show "
        "that nothing is worse, and *inconclusive* blocks nothing (`--strict` does).",
        "",
        "| | " + " | ".join(
            f"{name}: {word}" for name in NAMES.values() for word in WORDS
        ) + " |",
        "| --- |" + " ---: |" * 3 * len(NAMES),
    ]  # fmt: skip
    for n in sorted({one["n"] for one in result["words"]}):
        cells = [
            f"{100 * _find(result['words'], signal=signal, n=n, word=word)['share'][0]:.1f} %"
            for signal in NAMES
            for word in WORDS
        ]
        lines.append(f"| {n:,} samples | " + " | ".join(cells) + " |")
    return lines


def _margin(result: dict) -> list[str]:
    alone, shares = result["seeds_alone"], sorted({one["margin"] for one in result["caught"]})
    lines = [
        "### How the margin was set",
        "",
        "What chance among the samples makes of two equal models is asked of the samples: where "
        "nothing changed, each might have its two answers the other way round. Another training "
        "seed changes a little more than that, since the network is a little worse here and better "
        "there in earnest: the mean of 1,000 samples is worse by more than "
        + " and ".join(
            f"{alone[signal]['0.9']:.2f} in one of ten and {alone[signal]['0.95']:.2f} in one of "
            f"twenty by {name}"
            for signal, name in NAMES.items()
        )
        + ", as a share of the test's gap or of the mean of all samples, whichever is more. The "
        "margin is for that. A wide one lets a slow decline through, a narrow one blocks by "
        "chance. The default by error was chosen on networks of other seeds, the one by loss among "
        "those of this table.",
        "",
        "| margin, of the gap or the mean | "
        + " | ".join(f"blocked by {name}, at worst" for name in NAMES)
        + " | "
        + " | ".join(f"caught by {name}, 1 / 10 tests" for name in NAMES)
        + " |",
        "| --- |" + " ---: |" * 2 * len(NAMES),
    ]
    for share in shares:
        cells = [_cells(result, signal, share) for signal in NAMES]
        lines.append(
            f"| {f'{share:.3f}'.rstrip('0') if share else 'none'} | "
            + " | ".join(both[place] for place in (0, 1) for both in cells)
            + " |"
        )
    return [*lines, "", "Bold: the default."]


def _cells(result: dict, signal: str, share: float) -> tuple[str, str]:
    """What a margin blocks at worst, and what it catches with 1 and 10 tests."""
    blocked = _percent(
        max(_worst(result, kind="seed", signal=signal, tests=tests, margin=share)
            for tests in (1, 10, 50))
    )  # fmt: skip
    wanted = {"signal": signal, "n": N, "lost": HALF, "margin": share}
    both = [_seen(result, tests=tests, **wanted)[0] for tests in (1, 10)]
    caught = " / ".join(f"{100 * one:.1f} %" for one in both)
    if share == result["default_margin"][signal]:
        return f"**{blocked}**", f"**{caught}**"
    return blocked, caught


def _blocked(result: dict, *, margin: float | None = None, **wanted: object) -> list[float]:
    share = result["default_margin"][wanted["signal"]] if margin is None else margin
    found: list[float] = _find(result["false_blocks"], margin=share, **wanted)["blocked"]
    return found


def _worst(result: dict, *, margin: float | None = None, **wanted: object) -> list[float]:
    """Highest share of blocked models over the sizes of tests."""
    sizes = sorted({one["n"] for one in result["false_blocks"]})
    return max(_blocked(result, margin=margin, n=n, **wanted) for n in sizes)


def _seen(result: dict, *, margin: float | None = None, **wanted: object) -> list[float]:
    share = result["default_margin"][wanted["signal"]] if margin is None else margin
    found: list[float] = _find(result["caught"], margin=share, **wanted)["caught"]
    return found


def _find(rows: list[dict], **wanted: object) -> dict:
    return next(row for row in rows if all(row[name] == value for name, value in wanted.items()))


def _tests(count: int) -> str:
    return f"{count} test{'' if count == 1 else 's'}"


def _percent(found: list[float]) -> str:
    value, low, high = (100 * one for one in found)
    return f"{value:.1f} % [{low:.1f}, {high:.1f}]"


def _told(found: list[float], good: bool) -> str:
    return _percent(found) if good else f"**{_percent(found)}** missed"
