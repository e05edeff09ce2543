"""What is installed, what is missing, and what to type."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

from aggressors.store.workspace import DEFAULT, VARIABLE, Workspace
from aggressors.words import counted

LEAST_FREE_GB = 2.0
_TORCH_EXTRA = "pip install 'aggressors[torch]'"
_MATCHING_PAIR = (
    "pip install torch torchvision --index-url https://download.pytorch.org/whl/cpu  (a matching "
    "pair; or without --index-url for CUDA)"
)

Level = Literal["fine", "missing", "broken"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    `level`: fine; missing, what is not at hand; broken, what stops the work. `advice` is what
    to type, '' where all is fine.
    """

    what: str
    level: Level
    found: str
    advice: str = ""


def examine(workspace: str | None = None) -> list[Finding]:
    """Look at the installation, PyTorch and the workspace; imports nothing heavy itself."""
    return [
        _python(),
        *_packages(),
        _torch(),
        _dashboard(),
        _workspace(workspace),
        _disk(workspace),
    ]


def _python() -> Finding:
    found = f"{platform.python_version()} at {sys.executable}"
    return Finding("Python", "fine", found)


def _packages() -> list[Finding]:
    """Compare the packages that the base install needs with what is there."""
    try:
        own = version("aggressors")
        wanted = [line.split(";")[0].strip() for line in requires("aggressors") or ()
                  if "extra ==" not in line]  # fmt: skip
    except PackageNotFoundError:
        return [Finding("aggressors", "missing", "a source tree", "pip install -e .")]
    lacking = []
    for requirement in wanted:
        name = requirement.split(">")[0].split("=")[0].split("<")[0].strip()
        try:
            version(name)
        except PackageNotFoundError:
            lacking.append(requirement)
    if lacking:
        quoted = " ".join(f"'{one}'" for one in lacking)
        return [Finding("aggressors", "broken", f"lacks {', '.join(lacking)}",
                        f"pip install {quoted}")]  # fmt: skip
    return [Finding("aggressors", "fine", f"{own} with its {len(wanted)} packages")]


# Run in a process of its own: a mismatched pair can crash the interpreter, and torch is heavy.
_PROBE = """
import torch
try:
    import torchvision
except ImportError:
    print("torchvision missing"); raise SystemExit(3)
import torchvision.ops
torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
try:
    import pytorch_grad_cam
except ImportError as error:
    print("grad-cam", error); raise SystemExit(4)
import safetensors
device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
print(f"torch {torch.__version__}, torchvision {torchvision.__version__}, "
      f"grad-cam, on {device}")
"""


def _torch() -> Finding:
    """Import torch, torchvision and grad-cam together, as a run with a model does."""
    if importlib.util.find_spec("torch") is None:
        return Finding(
            "PyTorch",
            "missing",
            "not installed; tables, the dashboard and check work without it",
            f"{_TORCH_EXTRA}  (CPU only on Linux saves 5 GB: first {_MATCHING_PAIR})",
        )
    try:
        probe = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _PROBE],
            capture_output=True,
            text=True,
            timeout=300,
        )
    except subprocess.TimeoutExpired:
        return Finding("PyTorch", "broken", "does not import within 5 minutes", _MATCHING_PAIR)
    said = (probe.stdout.strip() or probe.stderr.strip() or f"code {probe.returncode}").splitlines()
    if probe.returncode == 0:
        return Finding("PyTorch", "fine", said[-1])
    if probe.returncode in (3, 4):
        return Finding("PyTorch", "broken", said[-1], _TORCH_EXTRA)
    return Finding("PyTorch", "broken", f"torch and torchvision: {said[-1]}", _MATCHING_PAIR)


def _dashboard() -> Finding:
    if importlib.util.find_spec("aggressors_app") is None:
        return Finding("Dashboard", "broken", "not installed", "pip install aggressors")
    try:
        return Finding("Dashboard", "fine", f"streamlit {version('streamlit')}")
    except PackageNotFoundError:
        return Finding("Dashboard", "broken", "streamlit is missing", "pip install streamlit")


def _folder(workspace: str | None) -> Path:
    return Path(workspace or os.environ.get(VARIABLE) or DEFAULT)


def _nearest(folder: Path) -> Path:
    """Folder itself, or the closest one above it that exists."""
    folder = folder.absolute()
    return next(one for one in (folder, *folder.parents) if one.exists())


def _workspace(workspace: str | None) -> Finding:
    folder = _folder(workspace)
    try:
        with tempfile.NamedTemporaryFile(dir=_nearest(folder)):
            pass
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return Finding(
            "Workspace", "broken", f"{folder} cannot be written: {reason}",
            "Name another folder with --workspace DIR.",
        )  # fmt: skip
    if not folder.exists():
        return Finding("Workspace", "fine", f"{folder} will be made by the first run")
    try:
        runs, broken = Workspace(folder).catalogue()
    except ImportError:  # a package that is missing is told above
        return Finding("Workspace", "fine", str(folder))
    found = f"{folder} with {counted(len(runs), 'run')}"
    if not broken:
        return Finding("Workspace", "fine", found)
    files = counted(len(broken), "file")
    return Finding(
        "Workspace", "missing", f"{found}; {files} there cannot be opened", broken[0].reason
    )


def _disk(workspace: str | None) -> Finding:
    free = shutil.disk_usage(_nearest(_folder(workspace))).free / 1e9
    if free < LEAST_FREE_GB:
        return Finding(
            "Disk", "broken", f"{free:.1f} GB free; a run may need {LEAST_FREE_GB:.0f} GB",
            "Free some space, or name another disk with --workspace DIR.",
        )  # fmt: skip
    return Finding("Disk", "fine", f"{free:,.0f} GB free")
