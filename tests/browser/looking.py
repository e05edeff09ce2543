"""What a page says in its address, and what of it is in sight."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from PIL import Image

RESULTS = Path(__file__).parents[2] / "test-results"


def query(address: str) -> dict[str, str]:
    """Values of an address by name; of several under a name the first."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def until_in_sight(page, selector: str) -> None:
    """Wait until the upper end of something lies in the upper half of the window."""
    page.wait_for_function(
        """selector => {
            const { top } = document.querySelector(selector).getBoundingClientRect();
            return top >= 0 && top <= window.innerHeight / 2;
        }""",
        arg=selector,
    )


def picture(page, name: str, *until, since=None, margin: int = 16) -> Path:
    """Take a picture of a page for the guide, in 256 colours, and return where it lies.

    Parameters
    ----------
    until : parts that are to be in it; it ends `margin` pixels below the last.
    since : the first part; the top of the page where None.
    """
    page.mouse.move(0, 0)  # nothing is hovered over
    top = 0 if since is None else max(since.bounding_box()["y"] - margin, 0)
    boxes = [part.bounding_box() for part in until]
    end = max(box["y"] + box["height"] for box in boxes) + margin
    clip = {"x": 0, "y": top, "width": page.viewport_size["width"], "height": end - top}
    taken = Image.open(BytesIO(page.screenshot(clip=clip, animations="disabled"))).convert("RGB")
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.png"
    taken.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    return path
