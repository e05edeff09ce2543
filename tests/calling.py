"""Calls of the command line, and what they have to say."""

import json

from click.testing import CliRunner

from aggressors.cli import cli


def call(*arguments, at=None, **more):
    at = ["--workspace", str(at)] if at else []
    return CliRunner().invoke(cli, [*map(str, arguments), *at], **more)


def fails(code, *arguments, at=None, says=""):
    """Standard error of a call that has to fail with one sentence and no traceback."""
    done = call(*arguments, at=at)
    assert done.exit_code == code, f"exit {done.exit_code}: {done.stderr}{done.stdout}"
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()
    assert says in done.stderr
    return done


def document(*arguments, at, code=0):
    done = call(*arguments, "--json", at=at)
    assert done.exit_code == code, done.stderr
    return json.loads(done.stdout)
