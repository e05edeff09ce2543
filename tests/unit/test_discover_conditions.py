"""The stage with own slicers, with samples that belong together, on little and on much data."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import planted
from aggressors.contracts import Settings
from aggressors.errors import InputError
from aggressors.slicing.protocol import Proposal
from aggressors.stages import searching as stage
from aggressors.stats.severity import loss_gap
from discovering import discover, members, overlap


@pytest.fixture(scope="module")
def data():
    return planted.planted_tables()


class ByHand:
    """A slicer that knows the answer; its region is any object that says who lies in it."""

    name = "by hand"

    def __init__(self, ids=()):
        self.ids = ids

    def propose(self, sight):
        return [Proposal(self.name, Listed(self.ids))]


class Listed:
    def __init__(self, ids):
        self.ids = sorted(ids)

    def holds(self, points):
        key = points.by_name["key"]
        return np.isin(key.codes, np.flatnonzero(np.isin(key.categories, self.ids)))


def test_a_users_own_slicer_proposes_beside_the_others(data):
    ids = data.tables["samples"]["sample_id"]
    field = {"field": "key", "kind": "identifier", "unit": "", "source": "table", "missing": 0}
    described = data.tables["metadata_fields"]
    tables = {
        **data.tables,
        "metadata": data.tables["metadata"].select(["row_id"]).append_column("key", ids),
        "metadata_fields": pa.Table.from_pylist([field], schema=described.schema),
    }
    wanted = {each for each in data.truth["swapped-label"] if each.startswith("validation")}
    found = discover(tables, slicers=(ByHand(data.truth["swapped-label"]),))
    (own,) = (
        row["concept_id"]
        for row in found["concepts"].to_pylist()
        if json.loads(row["rule"])["found_by"] == "by hand"
    )
    assert members(found, own, "validation") == wanted


def test_a_slicer_that_proposes_something_else_is_told(data):
    wrong = ByHand()
    wrong.propose = lambda sight: ["dark"]
    with pytest.raises(InputError, match="'by hand' must propose a list of Proposal"):
        discover(data.tables, slicers=(wrong,))


def test_samples_of_one_group_count_as_one_witness(data):
    samples = data.tables["samples"]
    place = samples.schema.get_field_index("group_id")
    few = pa.array([f"patient {row % 3}" for row in range(samples.num_rows)])
    grouped = {**data.tables, "samples": samples.set_column(place, "group_id", few)}
    alone, together = discover(data.tables), discover(grouped)
    width = [
        np.median(np.subtract(*(pc.drop_null(found["concept_stats"][name]).to_numpy()
                                for name in ("gap_high", "gap_low"))))
        for found in (alone, together)
    ]  # fmt: skip
    assert width[1] > width[0]
    assert confirmed(together) <= confirmed(alone)


def confirmed(found):
    return found["aggressors"]["status"].to_pylist().count("confirmed")


def test_below_200_samples_nothing_is_confirmed():
    few = planted.planted_tables(n=180).tables
    found = discover(few, settings=Settings(min_size=10))
    assert set(found["aggressors"]["status"].to_pylist()) == {"tentative"}


def test_a_large_search_judges_by_all_samples(data, monkeypatch):
    monkeypatch.setattr(stage, "MAX_SEARCHED", 300)
    found = discover(data.tables)
    samples = data.tables["samples"].to_pandas()
    confirm = samples[samples.fold == "confirm"]
    stats = found["concept_stats"].to_pandas()
    assert overlap(found, data.truth, "validation")["dusk"][0] >= 0.7
    for row in found["aggressors"].to_pylist():
        inside = confirm.sample_id.isin(members(found, row["concept_id"], "validation"))
        gap = loss_gap(confirm.loss.to_numpy(), inside.to_numpy())
        own = stats[(stats.concept_id == row["concept_id"]) & (stats.fold == "confirm")].iloc[0]
        assert own.gap == pytest.approx(gap.value)
        if row["status"] == "confirmed":
            assert gap.low > 0
            assert own.q_value <= 0.05
