"""What a writer of a format is given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from aggressors.export.media import Media, Pictures
from aggressors.export.sinks import Sink
from aggressors.progress import Advance
from aggressors.queries.listing import Listing, What


@dataclass(frozen=True)
class Job:
    """One export: which samples, where to, and what becomes of their pictures.

    Parameters
    ----------
    name : of the main file.
    pictured : whether the run has pictures at all.
    """

    what: What
    listing: Listing
    media: Media
    pictures: Pictures
    name: str
    pictured: bool
    sink: Sink
    advance: Advance

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the model's outputs; empty for a number."""
        return self.listing.run.classes

    @property
    def copies(self) -> bool:
        """Whether pictures are files of the export."""
        return self.media != "reference"

    def pages(self) -> Iterator[pa.Table]:
        """Give the rows page by page, and tell how far it is."""
        for page in self.listing.pages():
            yield page
            self.advance(page.num_rows)
