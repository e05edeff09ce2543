"""Grad-CAM: equal to its definition, and the model is left as it was."""

from __future__ import annotations

import warnings

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch import nn
from torch.nn import functional

from aggressors.contracts import Settings
from aggressors.errors import StageError
from aggressors.sources.gradcam import grad_cam
from aggressors.sources.layers import evaluating, find_layers
from aggressors.stages.discover import STAGE as DISCOVER
from aggressors.stages.explain import STAGE, explain
from aggressors.stages.protocol import Context
from planted import planted_tables

pytestmark = pytest.mark.torch


def plain_grad_cam(model, layer, inputs, targets):
    """Grad-CAM as the paper defines it, in 15 lines; the package's oracle."""
    kept = []
    module = model.get_submodule(layer)

    def keep(_, __, output):
        leaf = output.detach().requires_grad_()
        kept.append(leaf)
        return leaf.clone()

    handle = module.register_forward_hook(keep)
    with evaluating(model), torch.enable_grad():
        outputs = model(inputs).reshape(len(inputs), -1)
        (gradient,) = torch.autograd.grad(outputs[range(len(inputs)), targets].sum(), kept)
    handle.remove()
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    return functional.relu((weights * kept[0]).sum(dim=1)).detach().numpy()


class InPlace(nn.Module):
    """Changes the target layer's output after it was made: by a module, and by a function."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.norm = nn.BatchNorm2d(6)
        self.head = nn.Linear(6, 4)

    def forward(self, x):
        x = self.conv(x)
        x *= 0.5
        x = self.relu(x)
        return self.head(torch.relu_(self.norm(x)).mean(dim=(2, 3)))


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = InPlace()
    with torch.no_grad():
        model.head.weight *= 1_000  # so that maps are far above the tolerance
    return model


INPUTS = torch.from_numpy(np.random.default_rng(1).normal(size=(5, 3, 8, 8))).float()
TARGETS = [0, 3, 1, 1, 2]


@pytest.mark.parametrize("layer", ["conv", "relu", "norm"])
def test_equals_the_definition_despite_in_place_layers(model, layer):
    found = grad_cam(model, layer, INPUTS, TARGETS)
    assert found.shape == (5, 8, 8)
    np.testing.assert_allclose(
        found, plain_grad_cam(model, layer, INPUTS, TARGETS), rtol=0, atol=1e-5
    )
    assert found.max() > 0.01


def test_a_batch_equals_single_samples(model):
    batch = grad_cam(model, "conv", INPUTS, TARGETS)
    singles = [
        grad_cam(model, "conv", INPUTS[i : i + 1], [TARGETS[i]])[0] for i in range(len(INPUTS))
    ]
    np.testing.assert_allclose(batch, singles, atol=1e-6)


def test_leaves_the_model_as_it_was(model):
    model.train()
    model.norm.eval()
    model.head.weight.requires_grad_(False)
    model.conv.weight.grad = torch.ones_like(model.conv.weight)
    with torch.no_grad():
        grad_cam(model, "relu", INPUTS, TARGETS)
    assert model.training
    assert model.conv.training
    assert not model.norm.training
    assert not model.head.weight.requires_grad
    assert model.conv.weight.requires_grad
    assert torch.equal(model.conv.weight.grad, torch.ones_like(model.conv.weight))
    assert model.head.bias.grad is None
    assert all(not module._forward_hooks for module in model.modules())


def test_an_index_error_of_the_model_is_not_swallowed(model):
    class Broken(InPlace):
        def forward(self, x):
            super().forward(x)
            raise IndexError("row 7")

    with pytest.raises(IndexError, match="row 7"):
        grad_cam(Broken(), "conv", INPUTS, TARGETS)


def test_half_precision_is_explained_too(model):
    expected = grad_cam(model, "conv", INPUTS, TARGETS)
    found = grad_cam(model.bfloat16(), "conv", INPUTS.bfloat16(), TARGETS)
    np.testing.assert_allclose(found, expected, atol=0.1 * expected.max())


def test_halves_the_batch_when_memory_runs_out(model):
    class Small(InPlace):
        def forward(self, x):
            if len(x) > 2:
                raise torch.OutOfMemoryError("out of memory")
            return super().forward(x)

    small = Small()
    small.load_state_dict(model.state_dict())
    expected = grad_cam(model, "conv", INPUTS, TARGETS)
    np.testing.assert_allclose(grad_cam(small, "conv", INPUTS, TARGETS), expected, atol=1e-6)


def test_a_vision_transformer_is_explained_on_its_patches():
    from torchvision.models import VisionTransformer

    torch.manual_seed(0)
    model = VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=3).eval()
    nn.init.normal_(model.heads.head.weight)  # torchvision starts it at zero
    inputs = torch.randn(2, 3, 32, 32)
    layers = find_layers(model, inputs)
    assert layers.embedding == "heads.head"
    assert layers.heatmap == "encoder.layers.encoder_layer_1.ln_1"
    found = grad_cam(model, layers.heatmap, inputs, [0, 2])
    assert found.shape == (2, 4, 4)
    assert found.max() > 0


def test_a_fused_transformer_layer_is_explained_too():
    class Patches(nn.Module):
        def __init__(self):
            super().__init__()
            layer = nn.TransformerEncoderLayer(12, 2, 16, batch_first=True)
            self.blocks = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
            self.head = nn.Linear(12, 2)

        def forward(self, x):
            tokens = functional.unfold(x, 2, stride=2).transpose(1, 2)  # (n, 16, 12)
            return self.head(self.blocks(tokens).mean(dim=1))

    torch.manual_seed(0)
    model = Patches().eval()
    inputs = torch.randn(3, 3, 8, 8)
    layers = find_layers(model, inputs)
    assert layers.heatmap == "blocks.layers.1.norm1"
    assert grad_cam(model, layers.heatmap, inputs, [0, 1, 1]).shape == (3, 4, 4)


# --- The stage ---


class Bright:
    """Explains every sample by a map whose value is its position in its dataset."""

    explains = True

    def heatmaps(self, population, positions, targets):
        maps = np.zeros((len(positions), 2, 3), dtype=np.float32)
        maps[:, 1, 2] = positions
        return maps


@pytest.fixture(scope="module")
def discovered():
    tables = dict(planted_tables(1_200).tables)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tables.update(DISCOVER.run(tables, Context(Settings(), CLASSES)))
    assert tables["aggressors"].num_rows >= 2
    n = tables["samples"].num_rows
    tables["positions"] = pa.table({"row_id": range(n), "position": range(1, n + 1)})
    return tables


CLASSES = ("boot", "coat", "shirt", "trouser")


def explained(tables, **settings):
    return explain(tables, Context(Settings(**settings), CLASSES, source=Bright()))


def test_explains_each_representative_and_each_kind_of_mean(discovered):
    out = explained(discovered)
    shown = set(discovered["representatives"]["sample_id"].to_pylist())
    assert shown <= set(out["heatmaps"]["sample_id"].to_pylist())
    assert len(set(out["heatmaps"]["sample_id"].to_pylist())) == out["heatmaps"].num_rows
    for concept in discovered["aggressors"]["concept_id"].to_pylist():
        kinds = [row["of"] for row in out["mean_maps"].to_pylist() if row["concept_id"] == concept]
        assert kinds == ["core", "members", "same_label_well_predicted", "rest"]


def test_scale_keeps_the_magnitude(discovered):
    rows = {name: row for row, name in enumerate(discovered["samples"]["sample_id"].to_pylist())}
    for row in explained(discovered)["heatmaps"].to_pylist():
        pixels = np.frombuffer(row["pixels"], np.uint8).reshape(row["height"], row["width"])
        assert pixels.tolist() == [[0, 0, 0], [0, 0, 255]]
        assert row["scale"] == rows[row["sample_id"]] + 1


def test_mean_maps_of_a_concept_share_one_scale_and_average_the_members(discovered):
    out = explained(discovered, heatmap_samples=2_000)
    samples = discovered["samples"].to_pylist()
    for concept in discovered["aggressors"]["concept_id"].to_pylist():
        means = {r["of"]: r for r in out["mean_maps"].to_pylist() if r["concept_id"] == concept}
        assert len({row["scale"] for row in means.values()}) == 1
        members = [
            row["row_id"]
            for row in discovered["assignments"].to_pylist()
            if row["concept_id"] == concept and samples[row["row_id"]]["population"] == "validation"
        ]
        assert means["members"]["n"] == len(members)
        value = means["members"]["pixels"][-1] / 255 * means["members"]["scale"]
        assert value == pytest.approx(np.mean(members) + 1, rel=0.01)


def test_at_most_so_many_samples_are_averaged(discovered):
    out = explained(discovered, heatmap_samples=7)
    assert max(out["mean_maps"]["n"].to_pylist()) == 7


def test_a_table_source_has_empty_maps(discovered):
    out = STAGE.run(discovered, Context(Settings(), CLASSES))
    assert {name: table.num_rows for name, table in out.items()} == {"heatmaps": 0, "mean_maps": 0}


def test_a_failing_model_names_the_samples(discovered):
    class Fails(Bright):
        def heatmaps(self, population, positions, targets):
            raise RuntimeError("no map")

    with pytest.raises(StageError, match=r"'explain' failed at .* validation.*no map"):
        explain(discovered, Context(Settings(), CLASSES, source=Fails()))
