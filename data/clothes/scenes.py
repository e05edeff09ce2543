"""Composes one 64 x 64 colour photograph of a garment.

Pure: the same garment, scene and state of the generator give the same pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from backgrounds import PAINTERS, SIDE, Floats, smooth_noise
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

PHOTO_SIDE = 64
JPEG_QUALITY = 91
DUSK_TILT = 25.0  # degrees; after dark the pictures are taken by hand, askew
GAMMA = 2.2  # light adds up linearly, files and dyes are written in display values

DYES = (
    (0.16, 0.16, 0.18), (0.88, 0.87, 0.83), (0.45, 0.46, 0.48), (0.15, 0.22, 0.40),
    (0.32, 0.48, 0.68), (0.62, 0.16, 0.17), (0.82, 0.42, 0.36), (0.42, 0.16, 0.24),
    (0.20, 0.38, 0.27), (0.50, 0.55, 0.36), (0.80, 0.64, 0.30), (0.72, 0.58, 0.42),
    (0.42, 0.29, 0.21), (0.52, 0.40, 0.62), (0.86, 0.66, 0.70), (0.25, 0.50, 0.52),
)  # fmt: skip


@dataclass(frozen=True)
class Camera:
    """What sets a camera apart from an ideal one."""

    blur: float  # deviation in pixels of the finished photograph
    noise: float  # deviation at full light, in linear light
    balance: tuple[float, float, float]


CAMERAS = {
    "kiosk": Camera(blur=0.35, noise=0.008, balance=(1.00, 1.00, 1.00)),
    "tablet": Camera(blur=0.50, noise=0.012, balance=(1.04, 1.00, 0.95)),
    "phone": Camera(blur=0.30, noise=0.014, balance=(0.97, 1.00, 1.05)),
}


@dataclass(frozen=True)
class Scene:
    """What is around the garment."""

    background: str  # a key of PAINTERS
    camera: str  # a key of CAMERAS
    dusk: bool


def compose(
    garment: NDArray[np.uint8], scene: Scene, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Photograph `garment`, a (28, 28) Fashion-MNIST original, as (64, 64, 3) RGB."""
    floor = PAINTERS[scene.background](rng) ** GAMMA
    cover, shading = _lay_out(garment, rng, DUSK_TILT if scene.dusk else 0.0)
    towards_light = rng.uniform(-1, 1), rng.uniform(0.4, 1.0)  # columns, rows; the lamp hangs above
    cloth = _cloth(cover, shading, towards_light, rng)
    ground = floor * (1 - _shadow(cover, towards_light, rng))[..., None]
    lit = (ground * (1 - cover[..., None]) + cloth * cover[..., None]) * _light(scene, rng)
    return _expose(_halve(lit), scene, rng)


def to_jpeg(photo: NDArray[np.uint8]) -> bytes:
    """Encode (height, width, 3) RGB."""
    buffer = BytesIO()
    Image.fromarray(photo).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def _lay_out(
    garment: NDArray[np.uint8], rng: np.random.Generator, tilt: float
) -> tuple[Floats, Floats]:
    """Place the garment on the canvas, turned by about `tilt` degrees.

    Returns its cover in [0, 1] and its own shading, around 1; each (SIDE, SIDE).
    """
    inside, relief = _cut_out(garment / 255)
    angle, size = np.deg2rad(rng.normal(tilt, 3)), rng.uniform(0.76, 0.98)
    step = 28 / (SIDE * size)  # original pixels per canvas pixel
    turn = step * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    free = SIDE * (1 - size) / 2
    centre = SIDE / 2 + rng.uniform(-free, free, 2) * np.array([0.8, 1.0])
    offset = np.array([13.5, 13.5]) - turn @ centre

    soft = ndimage.gaussian_filter(inside.astype(float), 0.55)
    placed = ndimage.affine_transform(soft, turn, offset, (SIDE, SIDE), order=3, mode="constant")
    shading = ndimage.affine_transform(relief, turn, offset, (SIDE, SIDE), order=3, mode="nearest")
    cover = np.clip((placed - 0.5) / 0.35 + 0.5, 0, 1)
    return cover * cover * (3 - 2 * cover), np.clip(shading, 0.3, 1.9)


def _cut_out(value: Floats) -> tuple[NDArray[np.bool_], Floats]:
    """Where an original of (28, 28) values in [0, 1] shows cloth, and how light the cloth is."""
    inside = _fill_specks(value > 0.04)
    # Originals are negatives on white: a high value is dark cloth. Border pixels mix cloth and
    # white, so their brightness is taken from further in.
    core = ndimage.binary_erosion(inside) & (value > 0.06)
    core = core if core.sum() > 30 else inside
    brightness = _spread(1 - value, core)
    return inside, (brightness + 0.35) / (np.median(brightness[inside]) + 0.35)


def _fill_specks(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Close holes of at most five pixels; larger ones, such as a handle's, are real."""
    holes, n_holes = ndimage.label(~inside)
    sizes = ndimage.sum_labels(np.ones_like(holes), holes, np.arange(n_holes + 1))
    return inside | (sizes[holes] <= 5)


def _spread(values: Floats, known: NDArray[np.bool_]) -> Floats:
    """Replace every unknown pixel by its nearest known one."""
    nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    return values[tuple(nearest)]


def _cloth(
    cover: Floats, shading: Floats, towards_light: tuple[float, float], rng: np.random.Generator
) -> Floats:
    """Give the garment dyed cloth with folds, a weave, and a thickness that catches the light."""
    dye = np.array(DYES[rng.integers(len(DYES))]) * rng.uniform(0.88, 1.10)
    dye += rng.normal(0, 0.015, 3)
    dye += (dye.mean() - dye) * rng.uniform(0.05, 0.35)  # second-hand clothes have faded
    body = ndimage.gaussian_filter(cover, 4)
    slope_down, slope_right = np.gradient(body)
    facing = towards_light[0] * slope_right + towards_light[1] * slope_down
    weave = rng.uniform(0.01, 0.04) * rng.standard_normal((SIDE, SIDE))
    weave += 0.03 * smooth_noise(rng, 6, 6)
    light = np.clip(shading * (1 + weave) * (1 + 2.2 * facing) * (0.82 + 0.18 * body), 0.05, None)
    colour = np.clip(dye, 0.04, 0.95) ** GAMMA * light[..., None] ** 1.4
    return colour / (
        1 + np.clip(colour - 0.6, 0, None)
    )  # bright prints roll off instead of clipping


def _shadow(cover: Floats, towards_light: tuple[float, float], rng: np.random.Generator) -> Floats:
    """(SIDE, SIDE) share of light that the garment takes from the floor."""
    height = rng.uniform(3, 7)
    moved = ndimage.shift(cover, (towards_light[1] * height, -towards_light[0] * height), order=1)
    cast = ndimage.gaussian_filter(moved, rng.uniform(2.5, 5))
    contact = ndimage.gaussian_filter(cover, 1.6)
    return np.clip(rng.uniform(0.30, 0.55) * cast + 0.30 * contact, 0, 0.85)


def _light(scene: Scene, rng: np.random.Generator) -> Floats:
    """(SIDE, SIDE, 3) light: colour, fall-off across the floor, the lens's dark corners."""
    warmth = rng.normal(0, 0.05)
    colour = np.array([1 + warmth, 1.0, 1 - warmth]) * rng.uniform(0.78, 1.12)
    across, down = np.meshgrid(np.linspace(-1, 1, SIDE), np.linspace(-1, 1, SIDE))
    fall_off = 1 + rng.uniform(-0.14, 0.14) * across + rng.uniform(-0.18, 0.06) * down
    corners = 1 - rng.uniform(0.05, 0.20) * (across**2 + down**2) / 2
    if scene.dusk:
        colour = colour * np.array([0.58, 0.86, 1.42]) * rng.uniform(0.035, 0.075)
    return (fall_off * corners)[..., None] * colour


def _halve(canvas: Floats) -> Floats:
    return canvas.reshape(PHOTO_SIDE, 2, PHOTO_SIDE, 2, 3).mean(axis=(1, 3))


def _expose(light: Floats, scene: Scene, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Blur by the lens, balance white, add the sensor's noise, and turn to display values."""
    camera = CAMERAS[scene.camera]
    out_of_focus = rng.uniform(0.6, 1.3) if rng.random() < 0.06 else 0.0
    blur = camera.blur + out_of_focus
    sharp = ndimage.gaussian_filter(light, (blur, blur, 0)) * np.array(camera.balance)
    grain = rng.standard_normal(sharp.shape)
    if scene.dusk:
        # High gain: the noise floor is close to the picture, and haze lifts the blacks.
        sharp = 0.004 + sharp + grain * (0.0016 + 0.04 * sharp)
    else:
        sharp = sharp + grain * camera.noise * np.sqrt(0.02 + sharp)
    return np.rint(255 * np.clip(sharp, 0, 1) ** (1 / GAMMA)).astype(np.uint8)
