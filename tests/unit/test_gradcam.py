"""Class activation maps: equal to their definitions, and the model is left as it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from aggressors.contracts import HEATMAP_METHODS
from aggressors.sources.calls import evaluating
from aggressors.sources.gradcam import class_maps
from aggressors.sources.layers import find_layers
from aggressors.sources.views import View

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


VIEW = View("channels first", 8, 8)


def grad_cam(model, layer, inputs, targets, method="grad-cam"):
    """Maps of one class a sample, (n, rows, columns)."""
    return class_maps(model, layer, VIEW, inputs, [[k] for k in targets], method)[:, 0]


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


@pytest.mark.parametrize("method", HEATMAP_METHODS)
def test_two_classes_at_once_are_those_of_each_alone(model, method):
    both = class_maps(model, "relu", VIEW, INPUTS, [[k, (k + 1) % 4] for k in TARGETS], method)
    assert both.shape == (5, 2, 8, 8)
    for place, targets in enumerate((TARGETS, [(k + 1) % 4 for k in TARGETS])):
        alone = grad_cam(model, "relu", INPUTS, targets, method)
        np.testing.assert_allclose(both[:, place], alone, atol=1e-6 * alone.max())


def package_map(cam_class, model, layer, inputs, targets):
    """What the package itself shows, min-max scaled, at the size of the layer."""
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    with cam_class(model, [model.get_submodule(layer)]) as cam:
        return cam(inputs, targets=[ClassifierOutputTarget(k) for k in targets])


@pytest.mark.parametrize("method", ["grad-cam", "grad-cam++", "hirescam"])
def test_a_map_is_that_of_the_package_before_it_is_scaled(model, method):
    import pytorch_grad_cam

    names = {"grad-cam": "GradCAM", "grad-cam++": "GradCAMPlusPlus", "hirescam": "HiResCAM"}
    # After the last norm nothing works in place, or the package's own map would be wrong.
    found = grad_cam(model, "norm", INPUTS, TARGETS, method)
    low = found.min(axis=(1, 2), keepdims=True)
    scaled = (found - low) / (1e-7 + (found - low).max(axis=(1, 2), keepdims=True))

    class Late(InPlace):
        def forward(self, x):
            return self.head(torch.relu(self.norm(self.relu(self.conv(x) * 0.5))).mean(dim=(2, 3)))

    late = Late().eval()
    late.load_state_dict(model.state_dict())
    cam = getattr(pytorch_grad_cam, names[method])
    expected = package_map(cam, late, "norm", INPUTS, TARGETS)
    np.testing.assert_allclose(scaled, expected, atol=1e-5)


def test_hirescam_weighs_each_cell_by_its_own_gradient():
    class Corner(nn.Module):  # the class looks at one cell of one channel only
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 1, bias=False)

        def forward(self, x):
            maps = self.conv(x)
            return torch.stack([3 * maps[:, 0, 0, 1], -maps[:, 1, 1, 1]], dim=1)

    model = Corner()
    nn.init.ones_(model.conv.weight)
    inputs = torch.arange(1.0, 5.0).reshape(1, 1, 2, 2)
    view = View("channels first", 2, 2)
    found = class_maps(model, "conv", view, inputs, [[0, 1]], "hirescam")
    assert found.tolist() == [[[[0, 6], [0, 0]], [[0, 0], [0, 0]]]]
    # Grad-CAM spreads the mean gradient, 3 / 4, over every cell.
    found = class_maps(model, "conv", view, inputs, [[0, 1]], "grad-cam")
    np.testing.assert_allclose(found[0, 0], 0.75 * inputs[0, 0])


def test_eigencam_is_high_where_activations_stand_out_and_knows_no_class(model):
    from pytorch_grad_cam.utils.svd_on_activations import get_2d_projection_with_sign_correction

    for layer in ("conv", "relu"):  # fewer channels than cells
        found = class_maps(model, layer, VIEW, INPUTS, [[0, 1]] * 5, "eigencam")
        np.testing.assert_array_equal(found[:, 0], found[:, 1])
        kept = []
        handle = model.get_submodule(layer).register_forward_hook(
            lambda _, __, output, kept=kept: kept.append(output.clone())
        )
        with torch.no_grad(), evaluating(model):
            model(INPUTS)
        handle.remove()
        expected = get_2d_projection_with_sign_correction(kept[0].numpy())
        np.testing.assert_allclose(found[:, 0], np.maximum(expected, 0), atol=1e-4)
        # The negative of a picture's map is never shown in its place.
        assert (found[:, 0].max(axis=(1, 2)) >= -expected.min(axis=(1, 2)) - 1e-4).all()


def test_grad_cam_plus_plus_stays_finite_with_activations_below_zero():
    torch.manual_seed(3)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.InstanceNorm2d(8), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        nn.Linear(32, 4),
    )  # fmt: skip
    found = grad_cam(model, "1", 100 * INPUTS, TARGETS, "grad-cam++")
    assert np.isfinite(found).all()


def test_a_regression_is_explained_by_its_one_output():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(0, 2))
    model.append(nn.Flatten(0)).append(nn.Unflatten(0, (-1, 4))).append(nn.Linear(4, 1))
    found = class_maps(model, "0", VIEW, INPUTS, None)
    assert found.shape == (5, 1, 8, 8)
    expected = plain_grad_cam(model, "0", INPUTS, [0] * 5)
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-6)


def test_a_part_that_runs_without_gradients_is_explained(model):
    class Frozen(InPlace):  # a backbone that its user has taken out of training
        def forward(self, x):
            with torch.no_grad():
                x = self.conv(x)
            return self.head(torch.relu(self.norm(x)).mean(dim=(2, 3)))

    frozen = Frozen()
    frozen.load_state_dict(model.state_dict())
    assert find_layers(frozen.eval(), INPUTS, heatmap="conv").reason == ""
    assert grad_cam(frozen, "conv", INPUTS, TARGETS).max() > 0.01


@pytest.mark.parametrize("method", HEATMAP_METHODS)
def test_outputs_that_do_not_depend_on_the_layer_have_an_empty_map(model, method):
    """Where all gradients are zero, nothing is divided by their sum."""
    with torch.no_grad():
        model.head.weight.zero_()
    found = grad_cam(model, "relu", INPUTS, TARGETS, method)
    if method == "eigencam":  # it knows no outputs
        np.testing.assert_array_equal(found, grad_cam(model, "relu", INPUTS, [0] * 5, method))
    else:
        assert not found.any()
    dark = grad_cam(model, "relu", torch.zeros_like(INPUTS), TARGETS, method)
    assert np.isfinite(dark).all()


@pytest.mark.parametrize("method", HEATMAP_METHODS)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_sample_whose_activations_are_no_numbers_leaves_the_others_as_they_are(
    model, method, value
):
    class Spoiled(InPlace):  # what is no number is put right behind the layer
        def forward(self, x):
            x = self.relu(self.conv(x))
            return self.head(torch.nan_to_num(x, nan=0, posinf=0).mean(dim=(2, 3)))

    spoiled = Spoiled()
    spoiled.load_state_dict(model.state_dict())
    inputs = INPUTS.clone()
    inputs[2] = value
    found = grad_cam(spoiled, "relu", inputs, TARGETS, method)
    expected = grad_cam(spoiled, "relu", INPUTS, TARGETS, method)
    assert np.isfinite(found).all()
    assert not found[2].any()
    others = [0, 1, 3, 4]
    np.testing.assert_allclose(found[others], expected[others], atol=1e-4)


@pytest.mark.parametrize("method", HEATMAP_METHODS)
def test_one_sample_and_one_channel_are_enough(method):
    torch.manual_seed(2)
    model = nn.Sequential(nn.Conv2d(3, 1, 3, padding=1), nn.Flatten(), nn.Linear(64, 4))
    found = grad_cam(model, "0", INPUTS[:1], [1], method)
    assert found.shape == (1, 8, 8)
    assert np.isfinite(found).all()
