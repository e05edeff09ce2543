"""What several test modules of this folder start from."""

import shutil
import warnings

import pyarrow as pa
import pytest

from aggressors.contracts import Settings
from aggressors.stages.discover import STAGE as DISCOVER
from aggressors.stages.protocol import Context
from aggressors.store.workspace import Workspace
from calling import call
from explaining import CLASSES
from planted import planted_tables
from versions import publish_story


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """v1 fails at dusk, v2 does not, v3 does again; copy it before writing."""
    workspace = Workspace.open(tmp_path_factory.mktemp("story") / "workspace", create=True)
    publish_story(workspace)
    return workspace


@pytest.fixture(scope="module")
def judged(story):
    """The story, in which the aggressor of v1 was saved as a test."""
    saved = call("save-test", "v1", "--aggressor", "1", "--slug", "dusk", at=story.root)
    assert saved.exit_code == 0, saved.stderr
    assert "solved" in saved.stdout
    return story.root


@pytest.fixture
def workspace(judged, tmp_path):
    """A copy of it to write to."""
    return shutil.copytree(judged, tmp_path / "work space")


@pytest.fixture(scope="module")
def discovered():
    """Tables of a planted run as far as its aggressors."""
    tables = dict(planted_tables(1_200).tables)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tables.update(DISCOVER.run(tables, Context(Settings(), CLASSES)))
    assert tables["aggressors"].num_rows >= 2
    n = tables["samples"].num_rows
    tables["positions"] = pa.table({"row_id": range(n), "position": range(1, n + 1)})
    return tables
