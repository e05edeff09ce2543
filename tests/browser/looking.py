"""What a page says in its address, and what of it is in sight."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit


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
