"""The SQL of the core questions, word for word, and what DuckDB plans for it.

`UPDATE_SNAPSHOTS=1 pytest tests/unit/test_queries_sql.py` writes the snapshots anew; read the
difference before it is committed.
"""

import json
import os
import re
from contextlib import contextmanager
from pathlib import Path

import pytest

from aggressors.contracts import EVERYTHING
from aggressors.queries import (
    alignment,
    attention,
    claims,
    concept,
    drift,
    explore,
    fields,
    findings,
    maps,
    overview,
    pairing,
    points,
    samples,
    solve,
    sought,
    telling,
    track,
    unusual,
    weak,
)
from aggressors.queries.grammar import parse
from aggressors.queries.listing import listing
from queried import queried

SNAPSHOTS = Path(__file__).parent / "snapshots"
PLAIN = parse("population = validation and loss > 0.5")
METADATA = parse("brightness < 0.3 and not operator in (op-1, op-2)")
QUESTIONS = {
    "count-plain": lambda run: samples.count(run, PLAIN),
    "count-metadata": lambda run: samples.count(run, METADATA),
    "count-aggressor": lambda run: samples.count(run, parse("aggressor = 1")),
    "count-quantile": lambda run: samples.count(run, parse("loss_quantile >= 0.9")),
    "count-lasso": lambda run: samples.count(run, parse("map in (0, 0, 2, 0, 2, 2)")),
    "totals": lambda run: overview.totals(run, PLAIN),
    "aggressors": overview.aggressors,
    "in-scope": lambda run: overview.in_scope(run, METADATA),
    "loss-explained": overview.loss_explained,
    "loss-histograms": lambda run: overview.loss_histograms(run, PLAIN),
    "associations": lambda run: concept.associations(run, 1),
    "claims": lambda run: claims.judged(run, parse("brightness < 0.3"), 1, ["hour"]),
    "grid": lambda run: weak.grid(run, METADATA, ["hour", "operator"], bins=3, top=2),
    "error-tree": lambda run: sought.error_tree(run, PLAIN),
    "worst-pairs": lambda run: sought.worst_pairs(run, METADATA),
    "findings": lambda run: findings.findings(run, 1),
    "attention": lambda run: attention.attention(run, 1),
    "attention-by-concept": attention.attention_by_concept,
    "looks": lambda run: attention.looks(run, 1),
    "telling": lambda run: telling.telling(run, 1),
    "unusual": unusual.yardsticks,
    "confusion": lambda run: concept.confusion(run, METADATA, 1),
    "values": lambda run: fields.values(run, "operator", "op"),
    "samples-page": lambda run: samples.samples_page(run, METADATA, "loss", limit=2),
    "members": lambda run: samples.members(run, 1, METADATA, limit=2),
    "map-bins": lambda run: maps.map_bins(run, PLAIN, "brightness", size=4),
    "map-points": lambda run: points.points(
        run, PLAIN, [points.color_of(run, "hour")], view=maps.View(-1, -1, 1, 1)
    ),
    "map-aligned": lambda run: alignment.aligned(run, run),
    "field-vs-loss": lambda run: explore.field_vs_loss(run, METADATA, "hour"),
    "fields-vs-loss": lambda run: explore.fields_vs_loss(run, METADATA, "hour", "operator"),
    "reliability": lambda run: explore.reliability(run, PLAIN),
    "compared": lambda run: drift.compared(run, drift.inside_outside(EVERYTHING, 1), "operator"),
    "differences": lambda run: drift.differences(run, drift.inside_outside(METADATA, 1)),
    "candidates": lambda run: solve.candidates(run, 1, METADATA, limit=2),
    "listing": lambda run: listing(run, "candidates", 1, PLAIN, 2),
    "matched": lambda run: track.matched(run, run),
    "paired": lambda run: pairing._held_out(run, "loss"),
}


class Recorder:
    """A run that writes down what it is asked, and answers."""

    def __init__(self, run):
        self.run = run
        self.asked = []

    def __getattr__(self, name):
        return getattr(self.run, name)

    @contextmanager
    def asking(self):
        with self.run.asking() as cursor:
            yield RecordingCursor(cursor, self.asked)


class RecordingCursor:
    def __init__(self, cursor, asked):
        self.cursor = cursor
        self.asked = asked

    def __getattr__(self, name):
        return getattr(self.cursor, name)

    def execute(self, sql, params=None):
        self.asked.append((sql, params or {}))
        return self.cursor.execute(sql, params)

    def sql(self, sql, params=None):
        self.asked.append((sql, params or {}))
        return self.cursor.sql(sql, params=params)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with queried(tmp_path_factory.mktemp("runs")).run as run:
        yield run


def asked(run, name):
    recorder = Recorder(run)
    QUESTIONS[name](recorder)
    return list({sql: params for sql, params in recorder.asked}.items())


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_sql_is_as_reviewed(run, name):
    text = "\n;\n".join(tidy(sql) for sql, _ in asked(run, name)) + "\n"
    path = SNAPSHOTS / f"{name}.sql"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(text)
    assert text == path.read_text(), f"see the head of {Path(__file__).name}"


def test_every_snapshot_belongs_to_a_question():
    assert {path.stem for path in SNAPSHOTS.glob("*.sql")} == set(QUESTIONS)


@pytest.mark.parametrize("name", QUESTIONS)
def test_no_plan_multiplies_rows_and_metadata_is_joined_by_position(run, name):
    for sql, params in asked(run, name):
        ((_, plan),) = run.cursor().execute(f"EXPLAIN (FORMAT json) {sql}", params).fetchall()
        nodes = list(walk(json.loads(plan)))
        assert [node["name"] for node in nodes if multiplies(node)] == [], sql
        scanned = {node["extra_info"].get("Table", "").split(".")[-1] for node in nodes}
        few = "m.row_id = c.row_id" in sql  # the rows were chosen before
        if {"samples", "metadata"} <= scanned and not few:
            assert "POSITIONAL_SCAN" in {node["name"] for node in nodes}, sql


def test_the_check_of_plans_sees_a_product(run):
    sql = "SELECT count(*) FROM samples a, samples b WHERE a.loss < b.loss + 1 OR a.weight > b.loss"
    ((_, plan),) = run.cursor().execute(f"EXPLAIN (FORMAT json) {sql}").fetchall()
    assert any(multiplies(node) for node in walk(json.loads(plan)))


def walk(nodes):
    for node in nodes:
        yield node
        yield from walk(node["children"])


def multiplies(node):
    """A join of every row with every row, unless one side is a single computed value."""
    if not re.search("CROSS_PRODUCT|NESTED_LOOP_JOIN|BLOCKWISE_NL_JOIN", node["name"]):
        return False
    return not any(is_one_row(child) for child in node["children"])


def is_one_row(node):
    while node["name"] == "PROJECTION":
        (node,) = node["children"]
    if node["name"] == "CROSS_PRODUCT":
        return all(map(is_one_row, node["children"]))
    return node["name"] == "UNGROUPED_AGGREGATE"


def tidy(sql):
    """One clause a line, however the template was indented."""
    return "\n".join(line.strip() for line in sql.strip().splitlines() if line.strip())
