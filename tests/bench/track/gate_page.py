"""The section of the bench of the gate."""

from __future__ import annotations

from pathlib import Path

from bench.solve.page import write_section

PAGE = Path(__file__).resolve().parents[3] / "docs" / "benchmarks" / "track.md"
BLOCKED, ONE, TEN = 0.05, 0.95, 0.85  # at most, and at least
HALF = 0.15  # of accuracy: half of the gap that the tests were saved for
N = 200
NAMES = {"loss": "loss", "error": "error (right or wrong)"}


def write_page(result: dict, *, write: bool) -> str:
    """Write the section as Markdown; into the page where asked for."""
    text = "\n".join(
        [*_head(result), "", *_blocks(result), "", *_caught(result), "", *_margin(result)]
    )
    if write:
        write_section(PAGE, "gate", text, title="What Track can promise", by="track")
    return text


def _head(result: dict) -> list[str]:
    standard = [one for one in result["false_blocks"] if one["margin"] == result["default_margin"]]
    worst = max(standard, key=lambda one: one["blocked"][0])
    one, ten = (
        min(_find(result["caught"], signal=signal, n=N, lost=HALF, tests=count,
                   margin=result["default_margin"])["caught"] for signal in NAMES)
        for count in (1, 10)
    )  # fmt: skip
    return [
        "## Does the gate block good models, and does it see bad ones?",
        "",
        f"{result['networks']} networks of one recipe, which differ in their training seed alone, "
        f"answer about {result['samples']:,} held-out photographs of the demo (accuracy "
        f"{result['accuracy']:.2f}). Any two of them are an accepted model and a new one without a "
        f"change. In {result['trials']:,} such pairs a check of 1, 10 or 50 saved tests blocks at "
        f"most {_percent(worst['blocked'])} "
        f"{_met(worst['blocked'][0] <= BLOCKED, 'at most 5 %')}. A new model that loses "
        f"{HALF:.2f} of its accuracy on the {N} samples of a test, half of the gap that the test "
        f"was saved for, fails it in {_percent(one)} with one saved test "
        f"{_met(one[0] >= ONE, 'at least 95 %')}, and in {_percent(ten)} with ten "
        f"{_met(ten[0] >= TEN, 'at least 85 %')}.",
        "",
        f"Split *{result['split']}*, {result['date']}, {result['machine']}. "
        "Intervals, 95 %, over pairs.",
    ]


def _blocks(result: dict) -> list[str]:
    lines = [
        "| blocked without a change | " + " | ".join(
            f"{NAMES[signal]}, {count} test{'' if count == 1 else 's'}"
            for signal in NAMES for count in (1, 10, 50)) + " |",
        "| --- |" + " ---: |" * 6,
    ]  # fmt: skip
    for n in sorted({one["n"] for one in result["false_blocks"]}):
        cells = [
            _percent(_find(result["false_blocks"], signal=signal, n=n, tests=count,
                           margin=result["default_margin"])["blocked"])
            for signal in NAMES for count in (1, 10, 50)
        ]  # fmt: skip
        lines.append(f"| {n:,} samples a test | " + " | ".join(cells) + " |")
    return lines


def _caught(result: dict) -> list[str]:
    lost = sorted({one["lost"] for one in result["caught"]})
    lines = [
        "| caught, where accuracy falls by | " + " | ".join(f"{one:.2f}" for one in lost) + " |",
        "| --- |" + " ---: |" * len(lost),
    ]
    for signal, name in NAMES.items():
        for n in sorted({one["n"] for one in result["caught"]}):
            for count in (1, 10, 50):
                cells = [
                    _percent(_find(result["caught"], signal=signal, n=n, lost=one, tests=count,
                                   margin=result["default_margin"])["caught"])
                    for one in lost
                ]  # fmt: skip
                tests = f"{count} test{'' if count == 1 else 's'}"
                lines.append(f"| {name}, {n:,} samples, {tests} | " + " | ".join(cells) + " |")
    return lines


def _margin(result: dict) -> list[str]:
    alone = result["seeds_alone"]
    lines = [
        "### How the margin was set",
        "",
        "Another training seed alone moves the mean of the 1,000 samples of a test by "
        + " and by ".join(
            f"{_share(alone[signal]['0.5'])} of its gap in {name} (median; one in twenty by more "
            f"than {_share(alone[signal]['0.95'])})"
            for signal, name in NAMES.items()
        )
        + ". The interval of a paired difference knows about samples, not about seeds; the margin "
        "is there for those. A wide one lets a slow decline through, a narrow one blocks by "
        "chance.",
        "",
        "| margin, of the gap when saved | blocked (50 tests, 1,000 samples, loss) | "
        "blocked (50 tests, 1,000 samples, error) | "
        f"caught ({HALF:.2f} lost, {N} samples, 1 test, error) | caught (10 tests) |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for share in sorted({one["margin"] for one in result["caught"]}):
        blocked = [
            _find(result["false_blocks"], signal=signal, n=1_000, tests=50, margin=share)["blocked"]
            for signal in NAMES
        ]
        seen = [
            _find(result["caught"], signal="error", n=N, lost=HALF, tests=count, margin=share)[
                "caught"
            ]
            for count in (1, 10)
        ]
        name = f"{_share(share)}" if share else "none"
        if share == result["default_margin"]:
            name = f"**{name}** (default)"
        lines.append(f"| {name} | " + " | ".join(_percent(one) for one in blocked + seen) + " |")
    return lines


def _find(rows: list[dict], **wanted: object) -> dict:
    return next(row for row in rows if all(row[name] == value for name, value in wanted.items()))


def _percent(found: list[float]) -> str:
    value, low, high = (100 * one for one in found)
    return f"{value:.1f} % [{low:.1f}, {high:.1f}]"


def _share(value: float) -> str:
    return f"{value:.2f}"


def _met(good: bool, aim: str) -> str:
    return f"(aim: {aim}, {'met' if good else 'missed'})"
