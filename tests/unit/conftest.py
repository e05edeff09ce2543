"""What several test modules of this folder start from."""

import pytest

from aggressors.store.workspace import Workspace
from versions import publish_story


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """v1 fails at dusk, v2 does not, v3 does again; copy it before writing."""
    workspace = Workspace.open(tmp_path_factory.mktemp("story") / "workspace", create=True)
    publish_story(workspace)
    return workspace
