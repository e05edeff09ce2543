"""What the doctor says of this machine, and of a broken one."""

import importlib.util
import subprocess
from collections import namedtuple

import pytest
from click.testing import CliRunner

from aggressors import doctor
from aggressors.cli import cli


def found(findings, what):
    (one,) = (finding for finding in findings if finding.what == what)
    return one


@pytest.fixture
def no_probe(monkeypatch):
    """Skip the import of torch in a process of its own."""

    def done(*_, **__):
        return subprocess.CompletedProcess(
            [], 0, "torch 9.9, torchvision 9.9, grad-cam, on CPU", ""
        )

    monkeypatch.setattr(doctor.subprocess, "run", done)


def test_a_good_machine_is_told_so(no_probe, tmp_path):
    findings = doctor.examine(str(tmp_path / "workspace"))
    assert {one.what for one in findings} == {
        "Python", "aggressors", "PyTorch", "Dashboard", "Workspace", "Disk",
    }  # fmt: skip
    assert not [one for one in findings if one.level == "broken"]
    assert found(findings, "PyTorch").found.startswith("torch 9.9")
    assert "will be made" in found(findings, "Workspace").found


@pytest.mark.torch
def test_torch_torchvision_and_grad_cam_import_together():
    one = found(doctor.examine(), "PyTorch")
    assert one.level == "fine", one.found
    for part in ("torch ", "torchvision ", "grad-cam"):
        assert part in one.found


@pytest.mark.parametrize(
    ("code", "out", "err", "advice"),
    [
        (1, "", "RuntimeError: operator torchvision::nms does not exist", "matching pair"),
        (3, "torchvision missing", "", "aggressors[torch]"),
        (4, "grad-cam No module named 'ttach'", "", "aggressors[torch]"),
        (-11, "", "", "matching pair"),
    ],
)
def test_a_pair_that_does_not_match_is_told_with_what_to_type(monkeypatch, code, out, err, advice):
    monkeypatch.setattr(
        doctor.subprocess,
        "run",
        lambda *_, **__: subprocess.CompletedProcess([], code, out, err),
    )
    one = found(doctor.examine(), "PyTorch")
    assert one.level == "broken"
    assert advice in one.advice
    assert (out or err or str(code)) in one.found


def test_without_torch_the_rest_works(monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "torch" else real(name)
    )
    one = found(doctor.examine(), "PyTorch")
    assert one.level == "missing"
    assert "aggressors[torch]" in one.advice
    assert "cpu" in one.advice


def test_a_missing_package_is_named(no_probe, monkeypatch):
    wanted = ["numpy>=2.0", "no-such-package>=1.0", "torch>=2; extra == 'torch'"]
    monkeypatch.setattr(doctor, "requires", lambda _: wanted)
    real = doctor.version
    monkeypatch.setattr(
        doctor, "version", lambda name: "0.1" if name == "aggressors" else real(name)
    )
    one = found(doctor.examine(), "aggressors")
    assert (one.level, one.advice) == ("broken", "pip install 'no-such-package>=1.0'")


def test_a_workspace_that_cannot_be_written(no_probe, monkeypatch, tmp_path):
    def refuse(**_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(doctor.tempfile, "NamedTemporaryFile", refuse)
    one = found(doctor.examine(str(tmp_path)), "Workspace")
    assert one.level == "broken"
    assert "read-only" in one.found
    assert "--workspace" in one.advice


def test_a_full_disk(no_probe, monkeypatch, tmp_path):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage(10**12, 10**12, 10**8))
    one = found(doctor.examine(str(tmp_path)), "Disk")
    assert (one.level, one.found[:6]) == ("broken", "0.1 GB")


def test_the_verb_prints_it_and_exits_by_it(no_probe, monkeypatch, tmp_path):
    done = CliRunner().invoke(cli, ["doctor", "--workspace", str(tmp_path)])
    assert done.exit_code == 0
    assert "✔ Python" in done.stdout
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage(1, 1, 0))
    done = CliRunner().invoke(cli, ["doctor", "--workspace", str(tmp_path)])
    assert done.exit_code == 4
    assert "✘ Disk" in done.stdout


def test_a_broken_run_file_is_counted_apart(no_probe, tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "cut.duckdb").write_bytes(b"nonsense")
    one = found(doctor.examine(str(tmp_path)), "Workspace")
    assert one.level == "missing"
    assert one.found.endswith("with 0 runs; 1 file there cannot be opened")
    assert "cut.duckdb" in one.advice
