"""Further latent spaces of a model: an earlier module, an own encoder, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import aggressors as ag
from aggressors.collate import collate
from aggressors.contracts import Settings
from aggressors.errors import InputError, IntegrationError
from aggressors.integration import check_integration
from aggressors.sources.checking import open_torch
from aggressors.sources.devices import out_of_memory
from aggressors.sources.encoders import checked, encoded
from aggressors.sources.layers import Layers
from aggressors.stages.infer import Network, infer
from discovering import discover

pytestmark = pytest.mark.torch
CLASSES = ("cat", "dog", "eel")
S = Settings(batch_size=64)


class Net(nn.Module):
    """Channels 0 to 2 of an input show the class, 3 its light, and 4 to 6 what the model says.

    Its deep layer knows the class alone, the stem the light; neither knows what is said.
    """

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(1, 2, 1)
        self.deep = nn.Linear(3, 3)
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        seen = x.mean(dim=(2, 3))
        self.stem(x[:, 3:4])
        self.deep(seen[:, :3])
        return seen[:, 4:]


class Data:
    """Sample i is a cat, dog or eel; one in ten is dark, and half of those are called another."""

    def __init__(self, n=900, population="validation"):
        rng = np.random.default_rng([n, *population.encode()])
        self.label = rng.integers(0, 3, n)
        dark = rng.random(n) < 0.1
        wrong = rng.random(n) < np.where(dark, 0.5, 0.04)
        shown = np.eye(3)[self.label] * 4 + rng.normal(0, 0.3, (n, 3))
        light = 5.0 * dark + rng.normal(0, 0.1, n)
        values = np.column_stack([shown, light, np.eye(3)[(self.label + wrong) % 3] * 4])
        self.inputs = torch.tensor(values, dtype=torch.float32)[:, :, None, None].expand(n, 7, 2, 3)
        self.ids = [f"{population}-{i}{'-dark' * bool(dark[i])}" for i in range(n)]

    def __len__(self):
        return len(self.ids)

    def __getitem__(self, i):
        return ag.Sample(self.ids[i], self.inputs[i].clone(), CLASSES[self.label[i]])


def light(inputs):
    """The user's own encoder, which returns an array."""
    return inputs.mean(dim=(2, 3))[:, 3:4].numpy()


def integration(spaces, **more):
    return ag.Integration(Net(), more.pop("datasets", {"validation": Data()}), CLASSES,
                          embedding_layer="deep", spaces=spaces, **more)  # fmt: skip


def tables_of(source):
    shards = [
        (name, source.shard(name, 0, size, S, lambda count: None).tables)
        for name, size in source.populations.items()
    ]
    return collate(shards, S, source.task)


@pytest.mark.parametrize(
    "spaces", [{"appearance": "stem"}, {"light": light}], ids=["layer", "encoder"]
)
def test_a_group_that_the_deep_layer_does_not_tell_apart_is_found(spaces):
    source = open_torch(integration(spaces), S)
    before = source.model.calls
    tables = tables_of(source)
    assert source.model.calls - before == 15  # one pass a batch
    found = discover(tables, CLASSES, settings=S)
    row = found["aggressors"].to_pylist()[0]
    assert row["status"] == "confirmed"
    (name,) = spaces
    assert f'"space": "{name}"' in found["concepts"]["rule"][0].as_py()
    members = [
        each["sample_id"] for each in found["assignments"].to_pylist() if each["concept_id"] == 1
    ]
    assert np.mean([each.endswith("-dark") for each in members]) > 0.9


def test_without_further_spaces_nothing_changes():
    plain = open_torch(integration({}), S)
    tables = tables_of(plain)
    assert "spaces" not in tables
    more = tables_of(open_torch(integration({"appearance": "stem", "light": light}), S))
    assert more.pop("spaces").column_names == ["row_id", "appearance", "light"]
    for name, table in tables.items():
        assert more[name].equals(table), name


def test_vectors_are_what_the_module_and_the_encoder_return():
    model, inputs = Net().eval(), Data(8)
    batch = torch.stack([inputs[i].input for i in range(8)])
    spaces = {"stem": "stem", "deep": "deep", "own": light}
    network = Network(model, "classification", CLASSES, Layers("deep", False, None), spaces=spaces)
    whole = infer(network, batch, None).spaces
    with torch.inference_mode():
        stem = model.stem(batch[:, 3:4]).mean(dim=(2, 3))
        deep = model.deep(batch.mean(dim=(2, 3))[:, :3])
    np.testing.assert_allclose(whole["stem"], stem, rtol=1e-5)
    np.testing.assert_allclose(whole["deep"], deep, rtol=1e-5)
    np.testing.assert_allclose(whole["own"], light(batch), rtol=1e-5)
    network.most = 3  # as where memory is short
    for name, found in infer(network, batch, None).spaces.items():
        np.testing.assert_allclose(found, whole[name], rtol=1e-6)
    assert not model.stem._forward_hooks


class Tokens(nn.Module):
    """Returns (n, t, d) as a transformer does, in a tuple with something else."""

    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(3, elementwise_affine=False)

    def forward(self, x):
        return x[:, :, :, 0], None


@pytest.mark.parametrize(
    ("module", "shape", "axes"),
    [
        (nn.Conv1d(5, 4, 1), (2, 5, 7), (2,)),
        (nn.Conv2d(5, 4, 1), (2, 5, 7, 6), (2, 3)),
        (nn.ReLU(), (2, 5, 7, 6), (2, 3)),
        (nn.Linear(6, 4), (2, 5, 7, 6), (1, 2)),
        (nn.Linear(7, 4), (2, 5, 7), (1,)),
        (Tokens(), (2, 5, 7, 6), (1,)),
    ],
    ids=lambda each: type(each).__name__,
)
def test_positions_are_averaged_and_features_kept(module, shape, axes):
    x = torch.randn(shape)
    with torch.inference_mode():
        found = encoded({"x": module}, x)["x"]
        output = module(x)
    output = output[0] if isinstance(output, tuple) else output
    torch.testing.assert_close(found, output.mean(dim=axes))


def test_an_encoder_that_is_a_module_is_asked_in_evaluation_mode():
    encoder = nn.Sequential(nn.Flatten(), nn.Dropout(0.9)).train()
    x = torch.ones(4, 3, 2)
    torch.testing.assert_close(encoded({"x": encoder}, x)["x"], x.flatten(1))
    assert encoder.training


def test_the_run_is_known_by_its_spaces():
    def digest(spaces):
        return open_torch(integration(spaces), S).digest()

    first, second = nn.Flatten(), nn.Sequential(nn.Flatten(), nn.Linear(42, 2))
    seen = [digest(spaces) for spaces in (
        {}, {"a": "stem"}, {"b": "stem"}, {"a": "deep"}, {"a": light}, {"a": first}, {"a": second}
    )]  # fmt: skip
    second[1].weight.data += 1
    seen.append(digest({"a": second}))
    assert len(set(seen)) == len(seen)
    assert digest({"a": "stem", "b": light}) == digest({"b": light, "a": "stem"})


def test_try_shows_each_space():
    report = check_integration(integration({"appearance": "stem", "light": light}), S)
    assert report.problems == ()
    parts = {part.name: part for part in report.parts}
    assert parts["validation.spaces.appearance"].shape == (32, 2)
    assert parts["validation.spaces.light"].shape == (32, 1)


def broken(inputs):
    raise KeyError("weights")


@pytest.mark.parametrize(
    ("spaces", "says"),
    [
        ({"appearance": "stemm"}, r"spaces\['appearance'\]='stemm' is no .* nearest is 'stem'"),
        ({"my look": "stem"}, "plain word such as 'appearance'; got 'my look'"),
        ({"embedding": "stem"}, "cannot be called 'embedding'"),
        ({"look": 3}, r"spaces\['look'\] must be the name of a module or a function.*got int"),
        ({"look": broken}, "encoder of space 'look' raised KeyError: 'weights'"),
        ({"look": lambda x: x.sum(dim=(1, 2, 3))}, r"Space 'look' .* shape \(32, d\); got \(32,\)"),
        ({"look": lambda x: x[:3].flatten(1)}, r"Space 'look' .* got \(3, 42\)"),
        ({"look": lambda x: x.flatten(1) * float("nan")}, "validation.spaces.look holds 1344 NaN"),
        ({"look": lambda x: "cat"}, "encoder of space 'look' raised ValueError"),
    ],
)
def test_what_is_wrong_is_told_before_any_work(spaces, says):
    report = check_integration(integration(spaces), S)
    assert len(report.problems) == 1
    with pytest.raises(IntegrationError, match=says):
        report.raise_problems()


def test_what_goes_wrong_later_names_space_and_place():
    whole = {}

    def changing(inputs):
        return inputs.flatten(1)[:, : whole.get("length", 4)]

    source = open_torch(integration({"look": changing}), S)
    source.shard("validation", 0, 64, S, lambda count: None)
    whole["length"] = 3
    says = r"space 'look' has 3 values in validation\[64:128\], and had 4 before"
    with pytest.raises(IntegrationError, match=says):
        source.shard("validation", 64, 128, S, lambda count: None)
    whole["length"] = 0
    with pytest.raises(IntegrationError, match=r"In validation\[0:64\]: Space 'look' must give"):
        source.shard("validation", 0, 64, S, lambda count: None)


def test_a_vector_that_is_not_finite_names_the_sample():
    data = Data()
    far = data.ids[70]

    def encode(inputs):
        return 1 / (inputs - data.inputs[70]).abs().amax(dim=(1, 2, 3))[:, None]

    source = open_torch(integration({"look": encode}, datasets={"validation": data}), S)
    with pytest.raises(InputError, match=rf"space 'look' of sample '{far}' in 'validation' is NaN"):
        source.shard("validation", 0, 128, S, lambda count: None)


def test_an_encoder_that_runs_out_of_memory_gets_smaller_batches():
    sizes = []

    def greedy(inputs):
        sizes.append(len(inputs))
        if len(inputs) > 20:
            raise RuntimeError("CUDA out of memory")
        return inputs.flatten(1)

    network = Network(Net().eval(), "classification", CLASSES, Layers("deep", False, None),
                      spaces={"look": greedy})  # fmt: skip
    batch = torch.stack([Data(64)[i].input for i in range(64)])
    assert infer(network, batch, None).spaces["look"].shape == (64, 42)
    assert sizes == [64, 32, 16, 16, 16, 16]
    assert out_of_memory(MemoryError())


class PatchesThenTokens(nn.Module):
    """As a vision transformer: a convolution first, tokens (n, t, d) at the end."""

    def __init__(self, *, flat: bool) -> None:
        super().__init__()
        self.patches, self.norm, self.flat = nn.Conv2d(3, 16, 4, stride=4), nn.LayerNorm(16), flat

    def forward(self, pictures):
        grid = self.patches(pictures).permute(0, 2, 3, 1)
        return self.norm(grid.flatten(1, 2) if self.flat else grid)


@pytest.mark.parametrize("flat", [True, False], ids=["tokens", "grid"])
def test_features_that_come_last_after_a_convolution_are_not_averaged_away(flat):
    encoder = PatchesThenTokens(flat=flat)
    pictures = torch.rand(2, 3, 32, 32)
    found = encoded({"look": encoder}, pictures)["look"]
    assert found.shape == (2, 16)
    torch.testing.assert_close(found, encoder(pictures).flatten(1, -2).mean(dim=1))


def test_a_module_that_a_batch_does_not_reach_is_named():
    with pytest.raises(IntegrationError, match=r"Module 'side' of space 'look' was not called"):
        checked({"look": "side"}, {}, 4)
