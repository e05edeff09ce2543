"""The generated pages are up to date, and leave out no verb, option, column or setting."""

import importlib.util
from pathlib import Path

import pytest

from aggressors.cli import cli
from aggressors.contracts import Settings
from aggressors.stages.describe import MEASURES
from aggressors.store.schema import TABLES

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("generate_docs", DOCS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_up_to_date(generate):
    assert generate.main(["--check"]) == 0, "type: make docs"


def test_a_stale_page_is_noticed_and_written(generate, tmp_path, monkeypatch):
    monkeypatch.setattr(generate, "DOCS", tmp_path)
    assert generate.main(["--check"]) == 1
    assert not list(tmp_path.iterdir())
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0


def test_every_verb_and_option_is_explained_with_an_example(generate):
    page = generate.cli_page()
    verbs = dict(cli.commands)
    for name, verb in cli.commands.items():
        parts = getattr(verb, "commands", {})
        verbs |= {f"{name} {part}": each for part, each in parts.items()}
    assert "queue add" in verbs
    for name, verb in verbs.items():
        assert f"## {name}" in page
        assert verb.help, name
        assert f"aggressors {name}" in (verb.epilog or ""), f"{name} has no example"
        for option in verb.params:
            if option.param_type_name == "option":
                assert option.help, f"{name} {option.name}"
                assert option.opts[0] in page


def test_every_column_says_what_it_is(generate):
    page = generate.schema_page()
    for table in TABLES:
        assert table.comment
        for column in table.columns:
            assert column.comment, f"{table.name}.{column.name}"
            assert f"| `{column.name}` |" in page


def test_every_built_in_field_says_what_it_is_and_the_guide_leads_there(generate):
    page = generate.fields_page()
    for entry in MEASURES:
        assert f"| `{entry.name}` | {entry.unit} | {entry.doc} |" in page
    for guide in ("README.md", "2-hypothesis.md", "table.md", "your-model.md"):
        assert "(fields.md)" in (DOCS / guide).read_text(encoding="utf-8"), guide


def test_every_setting_says_what_it_does(generate):
    page = generate.settings_page()
    for name, _, meaning in Settings.describe():
        assert meaning, name
        assert f"| `{name}` |" in page
