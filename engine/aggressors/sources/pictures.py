"""What a person sees of a sample: decoded once, for its thumbnail and for measuring."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aggressors.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

MEASURED = 256  # longest side, in pixels, at which large images are measured
_KEPT = ("JPEG", "PNG")  # formats that browsers show; small files of them are stored untouched
_QUALITY = 88


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded image.

    Parameters
    ----------
    pixels : (h, w, 3) uint8 RGB, longest side at most `MEASURED`.
    size : (width, height) of the original, in pixels.
    thumbnail : JPEG or PNG bytes.
    """

    pixels: NDArray[np.uint8]
    size: tuple[int, int]
    thumbnail: bytes


def read_picture(image: Any, sample_id: str, longest: int) -> Picture:
    """Decode an image and make its thumbnail.

    JPEG and PNG bytes whose longest side is at most `longest` pixels are their own thumbnail.

    Parameters
    ----------
    image : encoded bytes, a PIL image, or a (h, w), (h, w, 1) or (h, w, 3) uint8 array.
    sample_id : id of the sample, for messages.
    longest : longest side of a thumbnail, in pixels.

    Raises
    ------
    InputError : the bytes cannot be decoded, or the value is no image.
    """
    from PIL import Image

    if isinstance(image, bytes | bytearray | memoryview):
        try:
            return _read_bytes(bytes(image), longest)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            reason = str(error).split(" <_io")[0].rstrip(".")
            raise InputError(
                f"The image of sample {sample_id!r} cannot be decoded ({len(image)} bytes: "
                f"{reason}). Replace the file, or leave image=None for this sample."
            ) from error
    if isinstance(image, np.ndarray):
        image = _from_array(image, sample_id)
    if not isinstance(image, Image.Image):
        raise InputError(
            f"The image of sample {sample_id!r} must be encoded bytes, a PIL image or a uint8 "
            f"array (height, width, 3); got {type(image).__name__}. Convert it in the dataset, or "
            "in the integration's `display`."
        )
    return _shrink(image, image.size, longest)


def _read_bytes(encoded: bytes, longest: int) -> Picture:
    from PIL import Image

    image = Image.open(BytesIO(encoded))
    size, kept = image.size, image.format in _KEPT
    if kept and max(size) <= longest:
        return Picture(_rgb(_bounded(image, MEASURED)), size, encoded)
    wanted = max(MEASURED, longest)
    if max(size) > wanted:
        image.draft("RGB", (wanted, wanted))  # lets the JPEG decoder skip detail; else no effect
    return _shrink(image, size, longest, upright=True)


def _shrink(image: Image, size: tuple[int, int], longest: int, *, upright: bool = False) -> Picture:
    from PIL import Image, ImageOps

    if upright:
        image = ImageOps.exif_transpose(image)
    pixels = _rgb(_bounded(image, MEASURED))
    shown = Image.fromarray(pixels if longest <= MEASURED else _rgb(image))
    thumbnail = BytesIO()
    _bounded(shown, longest).save(thumbnail, "JPEG", quality=_QUALITY)
    return Picture(pixels, size, thumbnail.getvalue())


def _bounded(image: Image, longest: int) -> Image:
    """Shrink so that no side exceeds `longest` pixels; smaller images stay as they are."""
    if max(image.size) <= longest:
        return image
    scale = longest / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    if image.mode not in ("L", "RGB"):
        image = image.convert("RGB")
    return image.resize((width, height), reducing_gap=2.0)


def _rgb(image: Image) -> NDArray[np.uint8]:
    if image.mode.startswith("I"):  # 16 bits a pixel, which convert() would clip
        grey = np.asarray(image, dtype=np.float32)
        grey = (grey * (255 / 65_535)).clip(0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _from_array(array: NDArray[np.generic], sample_id: str) -> Image:
    from PIL import Image

    flat = array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array
    right = flat.ndim == 2 or (flat.ndim == 3 and flat.shape[2] == 3)
    if array.dtype != np.uint8 or not right or 0 in array.shape:
        raise InputError(
            f"The image of sample {sample_id!r} must be a uint8 array (height, width, 3); got "
            f"{array.dtype} {array.shape}. Scale it to 0..255, move the channels last and cast it."
        )
    return Image.fromarray(np.ascontiguousarray(flat))
