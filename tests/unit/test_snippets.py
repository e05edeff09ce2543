"""Code for training that a page hands out: it runs, and does what its name says."""

import pytest

from aggressors.snippets import PLACES, SWAP, TRANSFORMS, augmentation, is_known, name_of

torch = pytest.importorskip("torch")
pytest.importorskip("torchvision")


def given(transform, strength=1.0):
    """Execute a snippet and return its `augment`."""
    space = {}
    exec(compile(augmentation(transform, strength), transform, "exec"), space)
    return space["augment"]


def picture(side=28, channels=3):
    """A bright square, off the middle, on a dark ground with a gradient."""
    image = torch.linspace(0.05, 0.1, side).repeat(channels, side, 1).clone()
    image[:, side // 4 : side // 2, side // 4 : side // 2] = 0.8
    return image


def changed(augment, image, times=40):
    """Results that differ from the image."""
    torch.manual_seed(0)
    done = [augment(image.clone()) for _ in range(times)]
    return [one for one in done if not torch.equal(one, image)]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("transform", "strength"),
    [(name, strength) for name, one in TRANSFORMS.items() for strength in one.strengths],
)
def test_each_snippet_runs_and_changes_half_of_the_samples(transform, strength, channels):
    image = picture(channels=channels)
    found = changed(given(transform, strength), image, 60)
    assert 12 <= len(found) <= 50
    for one in found:
        assert one.shape == image.shape
        assert one.dtype == image.dtype
        assert -1e-6 <= one.min() <= one.max() <= 1 + 1e-6


def test_darker_is_never_darker_than_a_little_below_what_was_probed():
    image = picture()
    share = [float(one.mean() / image.mean()) for one in changed(given("darker", 0.25), image)]
    assert 0.2 - 1e-6 <= min(share) < 0.45
    assert max(share) <= 1


def test_noise_and_blur_go_up_to_the_strength():
    flat = torch.full((3, 28, 28), 0.5)
    spread = [float(one.std()) for one in changed(given("noise", 0.1), flat)]
    assert 0.06 < max(spread) < 0.13
    edges = [float(one.diff(dim=-1).abs().max()) for one in changed(given("blur", 0.1), picture())]
    assert min(edges) < 0.3 < float(picture().diff(dim=-1).abs().max())


def test_a_picture_smaller_than_the_blur_is_blurred_too():
    small = torch.rand(3, 4, 5)
    assert all(one.shape == small.shape for one in changed(given("blur", 0.1), small))


@pytest.mark.parametrize("place", sorted({*PLACES} - {"background", "colours"}))
def test_a_swap_takes_one_place_of_another_image(place):
    torch.manual_seed(0)
    images = torch.arange(64.0).view(64, 1, 1, 1).expand(64, 3, 28, 28).clone() / 64
    out = given(SWAP + place)(images.clone())
    touched = out != images
    inside = touched.any(dim=0).all(dim=0)  # (h, w)
    assert 0.02 < inside.float().mean() < 0.4
    assert not inside[14, 14]
    corners = {"top": {(0, 0), (0, 27)}, "bottom": {(27, 0), (27, 27)}}
    corners |= {"border": corners["top"] | corners["bottom"]}
    across = {"left": 0, "right": 27}
    wanted = corners.get(place) or {
        ({"top": 0, "bottom": 27}[place.split("-")[0]], across[place.split("-")[1]])
    }
    assert {at for at in corners["border"] if inside[at]} == wanted
    assert 16 <= int(touched.flatten(1).any(dim=1).sum()) <= 48


def test_a_background_is_swapped_behind_what_stands_in_front():
    torch.manual_seed(0)
    images = torch.zeros(32, 1, 28, 28)
    images += torch.linspace(0, 0.6, 32).view(32, 1, 1, 1)
    images[:, :, 8:20, 8:20] = 1.0
    out = given(SWAP + "background")(images.clone())
    assert (out[:, :, 8:20, 8:20] == 1).all()
    assert (out[:, :, 0, 0] != images[:, :, 0, 0]).float().mean() > 0.25
    ground = out[:, 0, 0, 0].sort().values
    assert set(ground.tolist()) <= set(images[:, 0, 0, 0].tolist())


def test_colours_are_swapped_by_their_means():
    torch.manual_seed(0)
    images = torch.rand(32, 3, 8, 8) * 0.2 + torch.rand(32, 3, 1, 1) * 0.6
    out = given(SWAP + "colours")(images.clone())
    before, after = images.mean(dim=(2, 3)), out.mean(dim=(2, 3))
    distance = (after[:, None] - before[None]).abs().amax(dim=2)
    assert (distance.min(dim=1).values < 1e-3).all()
    assert (before != after).any(dim=1).float().mean() > 0.25


def test_only_known_names_are_taken():
    assert is_known("blur")
    assert is_known(SWAP + "border")
    assert not is_known("__import__('os')")
    assert not is_known(SWAP + "x")
    for name in ("nothing", SWAP + "nothing"):
        with pytest.raises(KeyError):
            augmentation(name, 1.0)


def test_names_hold_the_strength():
    assert name_of("darker", 0.25) == "less light (25 % of the light)"
    assert name_of("rotation", 50.0) == "rotation (50 degrees)"
    assert "corner" in name_of(SWAP + "top-left", 1.0)
