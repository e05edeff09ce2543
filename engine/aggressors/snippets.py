"""Ready code for torchvision that varies in training what a probe found to be missing there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aggressors.words import number, percent


@dataclass(frozen=True, slots=True)
class Transform:
    """A way to change an input: its name in words, the unit of its strength, and what is tried.

    `strengths` go from the weakest to the strongest.
    """

    name: str
    unit: str
    strengths: tuple[float, ...]

    def spoken(self, strength: float) -> str:
        """Name it with its strength: darker, to 40 % of the light."""
        told = percent(strength) if self.unit.startswith("%") else number(strength)
        unit = self.unit.removeprefix("%").strip()
        return f"{self.name} ({' '.join(part for part in (told, unit) if part)})"


TRANSFORMS = {
    "darker": Transform("less light", "% of the light", (0.7, 0.45, 0.25)),
    "brighter": Transform("more light", "% of the light", (1.4, 2.0)),
    "contrast": Transform("less contrast", "% of the contrast", (0.6, 0.35, 0.2)),
    "blur": Transform("blur", "% of the height as sigma", (0.03, 0.06, 0.1)),
    "coarse": Transform("coarse pixels", "of the resolution", (1 / 3, 1 / 5, 1 / 8)),
    "noise": Transform("noise", "% of the range", (0.1, 0.25, 0.45)),
    "rotation": Transform("rotation", "degrees", (25.0, 50.0, 90.0, 150.0)),
    "occlusion": Transform("occlusion", "% of the side", (0.3, 0.45, 0.6)),
    "smaller": Transform("smaller", "% of the size", (0.75, 0.5)),
    "closer": Transform("closer", "% of the size", (1.4, 1.9)),
    "invert": Transform("inverted light", "% of the range", (1.0,)),
    "flip": Transform("upside down", "% of samples", (1.0,)),
}
PLACES = {
    "top-left": "the top left corner",
    "top-right": "the top right corner",
    "bottom-left": "the bottom left corner",
    "bottom-right": "the bottom right corner",
    "top": "the strip at the top",
    "bottom": "the strip at the bottom",
    "border": "the border",
    "background": "the background",
    "colours": "the mean of each channel",
}
SWAP = "swap-"


def name_of(transform: str, strength: float) -> str:
    """Name a transformation as sentences do."""
    if transform.startswith(SWAP):
        return f"swapping {PLACES[transform.removeprefix(SWAP)]} with another class"
    return TRANSFORMS[transform].spoken(strength)


def is_known(transform: str) -> bool:
    """Whether there is a transformation of this name; a run file may come from a stranger."""
    return transform in TRANSFORMS or (
        transform.startswith(SWAP) and transform.removeprefix(SWAP) in PLACES
    )


def augmentation(transform: str, strength: float) -> str:
    """Write code that gives `augment`, to be put behind what makes a tensor (c, h, w) in [0, 1].

    It changes half of the samples, by up to a little more than the strength that was found to do.

    Parameters
    ----------
    transform : one of TRANSFORMS, or SWAP and one of PLACES.
    strength : as probed; makes no difference where there is only one.

    Raises
    ------
    KeyError : there is no such transformation.
    """
    if transform.startswith(SWAP):
        return _swap(transform.removeprefix(SWAP))
    return _HEAD + _BODY[transform](strength)


def _half(line: str) -> str:
    return f"augment = v2.RandomApply([{line}], p=0.5)\n"


def _less(strength: float, name: str) -> str:
    low = round(0.8 * strength, 3)
    return _half(f"v2.ColorJitter({name}=({low}, 1.0))")


def _more(strength: float, name: str) -> str:
    return _half(f"v2.ColorJitter({name}=(1.0, {round(1.2 * strength, 3)}))")


def _blur(strength: float) -> str:
    most = round(1.2 * strength, 4)
    return (
        "\ndef blur(image):\n"
        f"    sigma = float(torch.empty(1).uniform_(0.01, {most})) * image.shape[-2]\n"
        "    size = 2 * max(1, round(2 * sigma)) + 1\n"
        "    size = min(size, 2 * ((min(image.shape[-2:]) - 1) // 2) + 1)\n"
        "    return v2.functional.gaussian_blur(image, [size, size], [sigma, sigma])\n\n\n"
        + _half("v2.Lambda(blur)")
    )


def _coarse(strength: float) -> str:
    return (
        "\ndef coarse(image):\n"
        f"    share = float(torch.empty(1).uniform_({round(0.8 * strength, 3)}, 1.0))\n"
        "    height, width = image.shape[-2:]\n"
        "    small = [max(1, round(share * height)), max(1, round(share * width))]\n"
        "    return v2.functional.resize(v2.functional.resize(image, small), [height, width])\n\n\n"
        + _half("v2.Lambda(coarse)")
    )


def _noise(strength: float) -> str:
    most = round(1.2 * strength, 3)
    return (
        "\ndef noise(image):\n"
        f"    sigma = float(torch.empty(1).uniform_(0.0, {most}))\n"
        "    return (image + sigma * torch.randn_like(image)).clamp(0, 1)\n\n\n"
        + _half("v2.Lambda(noise)")
    )


def _rotation(strength: float) -> str:
    return _half(f"v2.RandomRotation({min(round(1.2 * strength), 180)})")


def _occlusion(strength: float) -> str:
    area = round(strength**2, 3)
    return f"augment = v2.RandomErasing(p=0.5, scale=({round(area / 4, 3)}, {area}))\n"


def _scale(strength: float) -> str:
    low, high = sorted((1.0, round(1.1 * strength if strength > 1 else 0.9 * strength, 3)))
    return _half(f"v2.RandomAffine(0, scale=({low}, {high}))")


_HEAD = "import torch\nfrom torchvision.transforms import v2\n\n"
_BODY: dict[str, Callable[[float], str]] = {
    "darker": lambda strength: _less(strength, "brightness"),
    "brighter": lambda strength: _more(strength, "brightness"),
    "contrast": lambda strength: _less(strength, "contrast"),
    "blur": _blur,
    "coarse": _coarse,
    "noise": _noise,
    "rotation": _rotation,
    "occlusion": _occlusion,
    "smaller": _scale,
    "closer": _scale,
    "invert": lambda strength: "augment = v2.RandomInvert(p=0.5)\n",
    "flip": lambda strength: "augment = v2.RandomVerticalFlip(p=0.5)\n",
}
_SWAP = '''import torch


def augment(images):
    """Give half of the images (n, c, h, w) of a batch {what} of another one."""
    n, c, h, w = images.shape
    order = torch.randperm(n)
    chosen = (torch.rand(n) < 0.5).view(n, 1, 1, 1)
{body}'''
_PART = """    place = torch.zeros(h, w, dtype=torch.bool)
{lines}
    return torch.where(chosen & place, images[order], images)
"""
_LINES = {
    "top-left": "    place[: h // 4, : w // 4] = True",
    "top-right": "    place[: h // 4, -(w // 4) :] = True",
    "bottom-left": "    place[-(h // 4) :, : w // 4] = True",
    "bottom-right": "    place[-(h // 4) :, -(w // 4) :] = True",
    "top": "    place[: h // 6] = True",
    "bottom": "    place[-(h // 6) :] = True",
    "border": "    d = max(1, h // 14)\n    place[:] = True\n    place[d:-d, d:-d] = False",
}
_WHOLE = {
    "background": """    edge = torch.cat([images[:, :, 0], images[:, :, -1]], dim=2)
    ground = edge.median(dim=2).values.view(n, c, 1, 1)
    is_ground = ((images - ground).abs() < 0.1).all(dim=1, keepdim=True)
    return torch.where(chosen & is_ground, ground[order], images)
""",
    "colours": """    mean = images.mean(dim=(2, 3), keepdim=True)
    return torch.where(chosen, (images - mean + mean[order]).clamp(0, 1), images)
""",
}


def _swap(place: str) -> str:
    body = _WHOLE.get(place) or _PART.format(lines=_LINES[place])
    return _SWAP.format(what=PLACES[place], body=body)
