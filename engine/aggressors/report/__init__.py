"""A run on one page: self-contained HTML, or a short Markdown text for a ticket."""

from __future__ import annotations

from pathlib import Path

from aggressors.errors import UsageError
from aggressors.progress import Progress, Silent
from aggressors.report.gathered import gather
from aggressors.report.html import page
from aggressors.report.text import ticket
from aggressors.store.files import OUT, atomic_write
from aggressors.store.read import RunFile
from aggressors.store.workspace import Workspace

__all__ = ["write"]


def write(
    run: RunFile, out: Path, workspace: Workspace | None = None, progress: Progress | None = None
) -> int:
    """Write the report of a run.

    Parameters
    ----------
    out : ends in .html or .md.
    workspace : its saved tests, decisions, hypotheses and comparison are part of the report; None
        where the run file stands alone.
    progress : shows how many aggressors are gathered; silent where None.

    Returns
    -------
    bytes written; an HTML page stays below 15 MB.

    Raises
    ------
    UsageError : another ending. WorkspaceError : the place cannot be written.
    """
    kind = out.suffix.lower()
    if kind not in (".html", ".md"):
        raise UsageError(f"A report ends in .html or .md; got {out.name!r}.")
    report = gather(run, workspace, progress or Silent(), pictures=kind == ".html")
    text = page(report) if kind == ".html" else ticket(report)
    content = text.encode("utf-8", "replace")  # half a character of a name is no reason to fail
    atomic_write(out, content, OUT)
    return len(content)
