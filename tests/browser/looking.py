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


def table(page, name: str):
    """Find a table of ours by what it is called, whether or not its rows can be chosen."""
    return page.get_by_role("grid", name=name).or_(page.get_by_role("table", name=name))


def choose_option(page, key: str, starts: str) -> None:
    """Choose what starts so from the select box of a key."""
    page.locator(f".st-key-{key} input").click()
    page.get_by_role("option", name=starts).first.click()


def click_verdict(page, slug: str, run: str, word: str) -> None:
    """Click what a saved test says of a run, which leads to its samples."""
    matrix = table(page, "Saved tests by run")
    heads = [text.split()[0] for text in matrix.locator("th").all_inner_texts()]
    cell = matrix.locator("tr.pick", has_text=slug).locator("td").nth(heads.index(run))
    cell.get_by_role("button", name=word).click()
    page.wait_for_url("**view=runs**")


def picture(page, name: str, *until, since=None, below: int = 16) -> Path:
    """Take a picture of a page for the guide, in 256 colours, and return where it lies.

    Parameters
    ----------
    until : parts that are to be in it; it ends `below` pixels after the last.
    since : the first part; the top of the page where None.
    """
    page.mouse.move(0, 0)  # nothing is hovered over, nothing has the focus
    page.evaluate("document.activeElement?.blur()")
    page.wait_for_timeout(200)
    top = 0 if since is None else since.bounding_box()["y"] - below
    boxes = [part.bounding_box() for part in until]
    end = max(box["y"] + box["height"] for box in boxes) + below
    clip = {"x": 0, "y": top, "width": page.viewport_size["width"], "height": end - top}
    taken = Image.open(BytesIO(page.screenshot(clip=clip, animations="disabled")))
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.png"
    _in_few_colours(taken.convert("RGB")).save(path, optimize=True)
    return path


def _in_few_colours(taken: Image.Image) -> Image.Image:
    """Use 256 colours: those of the page as they are, rare bright ones, and those of photographs.

    One rule alone turns the rare colour of a legend grey, or a background violet.
    """
    common = sorted(taken.getcolors(taken.width * taken.height), reverse=True)[:48]
    colours = [part for _, colour in common for part in colour]
    for method, n in ((Image.Quantize.MAXCOVERAGE, 88), (Image.Quantize.MEDIANCUT, 120)):
        colours += taken.quantize(n, method).getpalette()[: 3 * n]
    palette = Image.new("P", (1, 1))
    palette.putpalette(colours)
    return taken.quantize(palette=palette, dither=Image.Dither.NONE)
