"""The `media` table: what a person sees of each sample."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from aggressors.sources.pictures import Picture

_MEDIA = pa.schema(
    [
        ("kind", pa.string()),
        ("uri", pa.string()),
        ("thumbnail", pa.binary()),
        ("text", pa.string()),
    ]
)


def media_table(
    pictures: Sequence[Picture | None],
    texts: Sequence[str | None],
    uris: Sequence[str | None] | None = None,
) -> pa.Table:
    """Build `media`: an image where there is one, else a text, else a row of metadata.

    Parameters
    ----------
    pictures, texts : one of each a sample.
    uris : paths of the originals below a media root.
    """
    kinds = [
        "image" if picture else "row" if text is None else "text"
        for picture, text in zip(pictures, texts, strict=True)
    ]
    thumbnails = [picture.thumbnail if picture else None for picture in pictures]
    return pa.table([kinds, uris or [None] * len(kinds), thumbnails, texts], schema=_MEDIA)
