"""The page of results: each bench writes its own section."""

from __future__ import annotations

from pathlib import Path


def write_section(
    file: Path,
    name: str,
    text: str,
    *,
    title: str = "Does Solve repair the model?",
    by: str = "solve",
) -> None:
    """Put a section between its marks on a page; other sections stay as they are."""
    start, end = f"<!-- {name}: written by tests/bench/{by} -->", f"<!-- end of {name} -->"
    old = file.read_text() if file.exists() else f"# {title}\n"
    before, mark, rest = old.partition(start)
    after = rest.partition(end)[2] if mark else "\n"
    file.write_text(f"{before.rstrip()}\n\n{start}\n\n{text.strip()}\n\n{end}{after}")
