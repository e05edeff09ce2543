"""A run on one page: self-contained HTML, or a short Markdown text for a ticket."""

from __future__ import annotations

from pathlib import Path

from aggressors.contracts import Verdict
from aggressors.errors import UsageError
from aggressors.report.cards import gather
from aggressors.report.html import page
from aggressors.report.text import ticket
from aggressors.store.files import OUT, atomic_write
from aggressors.store.read import RunFile
from aggressors.store.workspace import Workspace
from aggressors.summary import summarize

__all__ = ["write"]


def write(run: RunFile, out: Path, workspace: Workspace | None = None) -> int:
    """Write the report of a run.

    Parameters
    ----------
    out : ends in .html or .md.
    workspace : its saved tests are part of the page; None where the run file stands alone.

    Returns
    -------
    bytes written; an HTML page stays below 15 MB.

    Raises
    ------
    UsageError : another ending. WorkspaceError : the place cannot be written.
    """
    summary = summarize(run)
    verdicts = _verdicts(run, workspace)
    if out.suffix.lower() == ".html":
        text = page(summary, gather(run, summary), verdicts)
    elif out.suffix.lower() == ".md":
        text = ticket(summary, gather(run, summary, samples=False), verdicts)
    else:
        raise UsageError(f"A report ends in .html or .md; got {out.name!r}.")
    content = text.encode()
    atomic_write(out, content, OUT)
    return len(content)


def _verdicts(run: RunFile, workspace: Workspace | None) -> tuple[Verdict, ...]:
    if workspace is None:
        return ()
    from aggressors.gate import history

    found = (test.verdicts.get(run.info.run_id) for test in history(workspace).tests)
    return tuple(verdict for verdict in found if verdict is not None)
