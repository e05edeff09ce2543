"""Transformations of clean samples: the one that ails the members is found, others are not."""

import numpy as np
import pytest

from aggressors.contracts import Settings
from aggressors.stats.probing import Shifted, probed

torch = pytest.importorskip("torch")

from aggressors.collate import collate  # noqa: E402
from aggressors.integration import Integration, Sample  # noqa: E402
from aggressors.snippets import TRANSFORMS  # noqa: E402
from aggressors.sources.changes import Range, change, is_image, swap, swaps  # noqa: E402
from aggressors.sources.checking import open_torch  # noqa: E402
from aggressors.stages.probe import STAGE, probes_of  # noqa: E402
from aggressors.stages.protocol import Context  # noqa: E402
from aggressors.stages.tables import rows  # noqa: E402
from aggressors.stats.reasons import is_verified  # noqa: E402


def shifted(rng):
    """Members lie at (4, 0) with a loss of 2, clean samples at the origin with one of 0."""
    z = rng.normal(0, 0.1, (40, 2)).astype(np.float32)
    far = rng.normal(0, 0.1, (30, 2)).astype(np.float32) + np.float32([4, 0])
    return Shifted(np.zeros(40), z, np.full(30, 2.0), far, np.float32([1, 1]))


def test_the_way_to_the_members_comes_first():
    before = shifted(np.random.default_rng(0))
    noise = np.random.default_rng(1).normal(0, 0.2, 40)
    ways = {
        ("there", 1.0): (1.6 + noise, before.z + np.float32([3.5, 0.2])),
        ("elsewhere", 1.0): (2.0 + noise, before.z + np.float32([0, 4])),
        ("beyond", 1.0): (9.0 + noise, before.z + np.float32([4, 0])),
        ("there", 0.1): (0.1 + noise, before.z + np.float32([0.2, 0])),
    }
    found = probed(before, ways)
    assert [one.transform for one in found] == ["there", "beyond", "elsewhere"]
    first = found[0]
    assert first.strength == 1.0
    assert first.moved.value == pytest.approx(0.8, abs=0.05)
    assert first.moved.low < 0.8 < first.moved.high
    assert first.alike > 0.99
    assert abs(found[2].alike) < 0.1


def test_where_members_lose_no_more_nothing_is_told():
    before = shifted(np.random.default_rng(0))
    same = Shifted(before.loss + 3, before.z, before.member_loss, before.member_z, before.spread)
    assert probed(same, {("x", 1.0): (before.loss, before.z)}) == []


@pytest.mark.parametrize("channels", [1, 3])
def test_each_change_keeps_shape_and_range_and_changes(channels):
    torch.manual_seed(0)
    inputs = torch.rand(6, channels, 20, 24) * 3 - 1
    within = Range.of(inputs)
    for name, one in TRANSFORMS.items():
        for strength in one.strengths:
            changed = change(name, inputs, strength, within)
            assert changed.shape == inputs.shape
            assert (changed >= within.low - 1e-5).all()
            assert (changed <= within.high + 1e-5).all()
            assert not torch.equal(changed, inputs), name
    for name in swaps():
        changed = swap(name.removeprefix("swap-"), inputs, inputs.flip(0), within)
        assert changed.shape == inputs.shape
    assert not is_image(torch.rand(4, 7))
    assert not is_image(torch.rand(4, 2, 20, 20))


class Pictures:
    """Bright squares on the left or on the right; dark ones are unlike all that was learned."""

    def __init__(self, name, n, seed):
        rng = np.random.default_rng(seed)
        self.name, self.label = name, rng.integers(0, 2, n)
        self.dark = rng.random(n) < 0.2
        self.noise = rng.uniform(0, 0.02, (n, 1, 16, 16)).astype(np.float32)

    def __len__(self):
        return len(self.label)

    def __getitem__(self, at):
        picture = np.zeros((1, 16, 16), dtype=np.float32)
        left = 2 + 8 * int(self.label[at])
        picture[:, 4:12, left : left + 4] = 1.0
        picture = picture * (0.25 if self.dark[at] else 1.0) + self.noise[at]
        label = "lr"[int(self.label[at])]
        return Sample(
            f"{self.name}-{at:04d}", torch.from_numpy(picture), label, metadata={"x": at % 3}
        )


class Sides(torch.nn.Module):
    """Tells the side by where the light is, and takes all that is dark for the left."""

    def __init__(self):
        super().__init__()
        self.head = torch.nn.Linear(3, 2)
        with torch.no_grad():
            self.head.weight.copy_(torch.tensor([[20.0, 0.0, 60.0], [0.0, 20.0, 0.0]]))
            self.head.bias.zero_()

    def forward(self, x):
        sides = [x[..., :8].mean(dim=(1, 2, 3)), x[..., 8:].mean(dim=(1, 2, 3))]
        dark = (0.12 - x.mean(dim=(1, 2, 3))).clamp(0)
        return self.head(torch.stack([*sides, dark], dim=1))


@pytest.fixture(scope="module")
def dark():
    datasets = {"train": Pictures("train", 200, 0), "validation": Pictures("validation", 400, 1)}
    source = open_torch(
        Integration(model=Sides(), datasets=datasets, classes=("l", "r")), Settings()
    )
    shards = [
        (name, source.shard(name, 0, size, Settings(), lambda count: None).tables)
        for name, size in source.populations.items()
    ]
    tables = collate(shards, Settings(), source.task)
    member = np.concatenate([datasets[name].dark for name in ("train", "validation")])
    tables |= {
        "concepts": rows("concepts", [{"concept_id": 7, "name": "dark"}]),
        "aggressors": rows("aggressors", [{"concept_id": 7, "rank": 1}]),
        "assignments": rows(
            "assignments",
            [{"concept_id": 7, "row_id": row} for row in np.flatnonzero(member).tolist()],
        ),
    }
    return source, tables


def test_darkness_is_found_in_a_model_that_fails_in_the_dark(dark):
    source, tables = dark
    context = Context(Settings(), source.classes, source.task, source=source)
    found = probes_of(STAGE.run(tables, context)["probes"])[7]
    darker = next(one for one in found if one.transform == "darker")
    assert darker.strength == 0.25
    assert is_verified(darker.moved.value, darker.moved.low, darker.alike)
    others = {
        one.transform for one in found if is_verified(one.moved.value, one.moved.low, one.alike)
    }
    assert others.isdisjoint({"brighter", "noise", "swap-border", "swap-top-left"})
    again = probes_of(STAGE.run(tables, context)["probes"])[7]
    assert again == found


def test_without_a_model_nothing_is_tried(dark):
    _, tables = dark
    made = STAGE.run(tables, Context(Settings(), ("l", "r")))
    assert made["probes"].num_rows == 0
    assert probes_of(made["probes"]) == {}
    assert probes_of(None) == {}
