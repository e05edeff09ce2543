"""Which layer heatmaps explain, and how its output lies over the image: real architectures."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from aggressors.errors import IntegrationError
from aggressors.sources.gradcam import class_maps
from aggressors.sources.layers import find_layers
from aggressors.sources.views import View, token_grid

pytestmark = pytest.mark.torch


class Attention(nn.Module):
    """Self-attention as timm writes it."""

    def __init__(self, dim):
        super().__init__()
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        return self.proj(functional.scaled_dot_product_attention(q, k, v))


class Block(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(dim), Attention(dim)
        self.norm2, self.mlp = nn.LayerNorm(dim), nn.Linear(dim, dim)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Registers(nn.Module):
    """A vision transformer with class and register tokens before its patches, as DINOv2's."""

    def __init__(self, leading=5, patch=(8, 8), dim=12, convolved=True, tokens_first=False):
        super().__init__()
        self.patch, self.tokens_first = patch, tokens_first
        self.embed = nn.Conv2d(3, dim, patch, patch) if convolved else None
        self.project = None if convolved else nn.Linear(3 * patch[0] * patch[1], dim)
        self.extra = nn.Parameter(torch.randn(1, leading, dim))
        self.blocks = nn.Sequential(Block(dim), Block(dim))
        self.norm, self.head = nn.LayerNorm(dim), nn.Linear(dim, 3)

    def forward(self, x):
        if self.embed is not None:
            patches = self.embed(x).flatten(2).transpose(1, 2)
        else:
            patches = self.project(functional.unfold(x, self.patch, stride=self.patch).mT)
        x = torch.cat([self.extra.expand(len(x), -1, -1), patches], dim=1)
        if self.tokens_first:  # as torch's own attention and CLIP have it
            first = nn.Sequential(*self.blocks)
            return self.head(self.norm(first(x.transpose(0, 1)).transpose(0, 1))[:, 0])
        return self.head(self.norm(self.blocks(x))[:, 0])


def small_vit():
    from torchvision.models import VisionTransformer

    model = VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=3)
    nn.init.normal_(model.heads.head.weight)  # torchvision starts it at zero
    return model


def small_swin():
    from torchvision.models.swin_transformer import SwinTransformer

    return SwinTransformer([4, 4], 16, [2, 2], [2, 2], [4, 4], num_classes=3)


def torchvision(name):
    def build():
        import torchvision.models

        return getattr(torchvision.models, name)(num_classes=3)

    return build


# Model, size of the input, the layer that is found, and how it lies over the image.
MODELS = {
    "vit": (small_vit, (32, 32), "encoder.layers.encoder_layer_1.ln_1", View("tokens", 4, 4, 1)),
    "swin": (small_swin, (64, 96), "features.3.1.norm1", View("channels last", 8, 12)),
    "registers": (Registers, (64, 32), "blocks.1.norm1", View("tokens", 8, 4, 5)),
    "no class token": (
        lambda: Registers(0), (32, 64), "blocks.1.norm1", View("tokens", 4, 8, 0)
    ),
    "oblong patches": (
        lambda: Registers(1, (4, 16)), (32, 64), "blocks.1.norm1", View("tokens", 8, 4, 1)
    ),
    "patches without a convolution": (
        lambda: Registers(5, convolved=False), (64, 32), "blocks.1.norm1", View("tokens", 8, 4, 5)
    ),
    "resnet": (torchvision("resnet18"), (64, 96), "layer4", View("channels first", 2, 3)),
    "mobilenet": (torchvision("mobilenet_v3_small"), (96, 64), "features",
                  View("channels first", 3, 2)),
    "convnext": (torchvision("convnext_tiny"), (64, 96), "features",
                 View("channels first", 2, 3)),
}  # fmt: skip


@pytest.fixture(scope="module", params=MODELS)
def found(request):
    """Model, inputs, its layers as found, and those expected."""
    build, size, layer, view = MODELS[request.param]
    torch.manual_seed(0)
    model = build().eval()
    inputs = torch.randn(3, 3, *size)
    return model, inputs, find_layers(model, inputs), (layer, view)


def test_the_layer_and_its_grid_are_found(found):
    _, _, layers, expected = found
    assert (layers.heatmap, layers.view, layers.reason) == (*expected, "")


@pytest.mark.parametrize("method", ["grad-cam", "grad-cam++", "hirescam", "eigencam"])
def test_every_method_explains_it_and_leaves_no_hook(found, method):
    model, inputs, layers, (_, view) = found
    maps = class_maps(model, layers.heatmap, layers.view, inputs, [[0, 2]] * 3, method)
    assert maps.shape == (3, 2, view.rows, view.columns)
    assert np.isfinite(maps).all()
    assert maps.max() > 0
    assert not any(module._forward_hooks for module in model.modules())
    assert all(value.requires_grad and value.grad is None for value in model.parameters())


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_half_precision_gives_the_same_layer_and_nearly_the_same_maps(found, kind):
    model, inputs, layers, _ = found
    half = copy.deepcopy(model).to(kind)
    again = find_layers(half, inputs.to(kind))
    assert again == layers
    maps = class_maps(half, layers.heatmap, layers.view, inputs.to(kind), [[1]] * 3)
    expected = class_maps(model, layers.heatmap, layers.view, inputs, [[1]] * 3)
    assert np.isfinite(maps).all()
    if expected.max() > 1e-3:  # random weights may leave less than half precision can hold
        assert np.corrcoef(maps.ravel(), expected.ravel())[0, 1] > 0.95


@pytest.mark.parametrize("leading", [0, 1, 5])
def test_a_patch_stays_where_it_is_in_the_image(leading):
    """The class depends on one patch only, of which the map must be high."""

    class OnePatch(Registers):
        def forward(self, x):
            patches = self.embed(x).flatten(2).transpose(1, 2)
            x = torch.cat([self.extra.expand(len(x), -1, -1), patches], dim=1)
            return self.head(self.blocks[0].norm1(x)[:, leading + 4 * 2 + 3])

    torch.manual_seed(1)
    model = OnePatch(leading).eval()
    inputs = torch.randn(2, 3, 64, 32)  # 8 x 4 patches
    view = View("tokens", 8, 4, leading)
    maps = class_maps(model, "blocks.0.norm1", view, inputs, [[0, 1]] * 2, "hirescam")
    where = {
        tuple(int(at[0]) for at in np.nonzero(one)) for one in maps.reshape(-1, 8, 4) if one.any()
    }
    assert where == {(2, 3)}


def test_tokens_may_come_before_samples():
    class First(Registers):
        def forward(self, x):
            patches = self.embed(x).flatten(2).permute(2, 0, 1)  # (tokens, n, dim)
            x = self.blocks[1].norm1(patches)
            return self.head(x.mean(dim=0))

    torch.manual_seed(0)
    model = First().eval()
    inputs = torch.randn(2, 3, 64, 32)
    layers = find_layers(model, inputs, heatmap="blocks.1.norm1")
    assert layers.view == View("tokens first", 8, 4)
    maps = class_maps(model, layers.heatmap, layers.view, inputs, [[0], [1]], "hirescam")
    values = torch.randn(32, 2, 12)
    assert torch.equal(layers.view.as_map(values)[1, :, 2, 3], values[2 * 4 + 3, 1])
    assert maps.shape == (2, 1, 8, 4)


@pytest.mark.parametrize(
    ("tokens", "image", "known", "expected"),
    [
        (197, (224, 224), [(14, 14)], (14, 14, 1)),
        (201, (224, 224), [(14, 14)], (14, 14, 5)),
        (197, (224, 224), [], (14, 14, 1)),
        (1374, (518, 518), [], (37, 37, 5)),
        (99, (224, 112), [], (14, 7, 1)),
        (49, (224, 224), [(56, 56)], (7, 7, 0)),  # patches merged behind the convolution
        (65, (64, 64), [(7, 7), (8, 8)], (8, 8, 1)),  # the grid that leaves fewer tokens over
        (40, (224, 224), [], None),
        (77, (224, 224), [(14, 14)], None),
        (1, (224, 224), [(1, 1)], None),
    ],
)
def test_the_grid_of_tokens(tokens, image, known, expected):
    assert token_grid(tokens, image, known) == expected


# --- Models without a map, and layers named wrongly ---


def test_a_model_without_a_map_says_why():
    mlp = nn.Sequential(nn.Flatten(), nn.Linear(192, 8), nn.ReLU(), nn.Linear(8, 3)).eval()
    layers = find_layers(mlp, torch.randn(2, 3, 8, 8))
    assert layers.heatmap is None
    assert layers.reason == "The model has no convolution and no attention over an image."
    rows = find_layers(nn.Sequential(nn.Linear(5, 3)).eval(), torch.randn(2, 5))
    assert rows.reason == "The inputs, of shape (5,) each, are no images."


def test_tokens_without_a_grid_say_why():
    class Pruned(Registers):
        def forward(self, x):
            patches = self.embed(x).flatten(2).transpose(1, 2)[:, :29]
            return self.head(self.blocks(patches).mean(dim=1))

    layers = find_layers(Pruned().eval(), torch.randn(2, 3, 64, 32))
    assert layers.heatmap is None
    assert "The last attention block, 'blocks.1', holds no normalised tokens" in layers.reason
    assert "64 × 32 pixels" in layers.reason


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.early = nn.Conv2d(3, 4, 3, padding=1, stride=2)
        self.late = nn.Conv2d(4, 4, 3, padding=1, stride=2)
        self.head = nn.Linear(4, 3)
        self.spare = nn.Conv2d(3, 4, 3)
        self.shared = nn.ReLU()

    def forward(self, x):
        x = self.shared(self.late(self.shared(self.early(x))))
        return self.head(x.mean(dim=(2, 3)))


OFFERED = r"Layers with a map of the image: 'late' \(4 × 4\), 'early' \(8 × 8\)\.$"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("layte", r"heatmap_layer='layte' is no module of the model; the nearest is 'late'\. "),
        ("spare", r"heatmap_layer='spare' is a module .* forward pass never calls it\. "),
        ("shared", r"heatmap_layer='shared' is called more than once in a forward pass.* "),
        ("head", r"heatmap_layer='head' has no map of the image: .* shape \(2, 3\)\. "),
    ],
)
def test_a_layer_named_wrongly_is_told_the_candidates(name, said):
    with pytest.raises(IntegrationError, match=said + OFFERED):
        find_layers(Net().eval(), torch.randn(2, 3, 16, 16), heatmap=name)


def test_a_layer_that_returns_no_tensor_is_told_so():
    class Pair(nn.Module):
        def forward(self, x):
            return x, x

    class Paired(Net):
        def __init__(self):
            super().__init__()
            self.pair = Pair()

        def forward(self, x):
            return super().forward(self.pair(x)[0])

    with pytest.raises(IntegrationError, match="no map of the image: its output is no tensor"):
        find_layers(Paired().eval(), torch.randn(2, 3, 16, 16), heatmap="pair")


def test_a_named_layer_of_a_model_of_rows_is_refused():
    with pytest.raises(IntegrationError, match=r"heatmap_layer='0' needs inputs \(channels, he"):
        find_layers(nn.Sequential(nn.Linear(5, 3)).eval(), torch.randn(2, 5), heatmap="0")


def test_outputs_that_have_no_gradient_say_so_before_the_run():
    class Cut(Net):
        def forward(self, x):
            return super().forward(x).detach()

    inputs = torch.randn(2, 3, 16, 16)
    layers = find_layers(Cut().eval(), inputs)
    assert layers.heatmap is None
    assert "No gradient of the outputs reaches layer 'late'" in layers.reason
    assert 'heatmap_method = "eigencam"' in layers.reason
    with pytest.raises(IntegrationError, match="heatmap_layer='early': No gradient of the outp"):
        find_layers(Cut().eval(), inputs, heatmap="early")
    without = find_layers(Cut().eval(), inputs, gradients=False)
    assert without.heatmap == "late"
    maps = class_maps(Cut().eval(), "late", without.view, inputs, [[0], [1]], "eigencam")
    assert maps.max() > 0
