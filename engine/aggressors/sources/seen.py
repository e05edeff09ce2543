"""Metadata that a function of the user's reads from what a run shows of each sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from aggressors.errors import AggressorsError, InputError
from aggressors.sources import fields
from aggressors.store.derive import media
from aggressors.store.read import LARGEST_ORIGINAL, RunFile, read_original

if TYPE_CHECKING:
    from PIL.Image import Image

Function = Callable[[Any], Any]
BATCH = 256  # samples whose media are in memory at a time


def see(
    run: RunFile,
    function: Function,
    media_root: str | Path | None,
    advance: Callable[[int], None],
) -> pa.Table:
    """Call a function on every sample that has an image or a text.

    Parameters
    ----------
    function : takes a PIL image in RGB or a text; returns a value, which becomes the field of the
        function's name, or a dictionary of values by field. None is a missing value.
    media_root : folder of the originals; without it images are the run's thumbnails.
    advance : called with the number of samples done.

    Returns
    -------
    sample_id and a column a field, for `sources.added.read_added`.

    Raises
    ------
    InputError : the function raises, or returns what is no value; names the sample. Or the run
        shows nothing, or an original is missing.
    """
    what, sought = _named(function), "an image or a text"
    ids: list[str] = []
    columns: dict[str, list[Any]] = {}
    for sample_id, shown in _shown(run, media_root, advance):
        found = _values(function, what, sample_id, shown)
        for name in found.keys() - columns.keys():
            columns[name] = [None] * len(ids)
        ids.append(sample_id)
        for name, values in columns.items():
            values.append(found.get(name))
    if not ids:
        raise InputError(
            f"No sample of run {run.info.name!r} has {sought} for {what} to look at. Pass a table "
            "of values instead."
        )
    arrays = {name: fields.column(name, values, ids) for name, values in columns.items()}
    return pa.table({"sample_id": pa.array(ids, pa.string()), **arrays})


def _shown(
    run: RunFile, media_root: str | Path | None, advance: Callable[[int], None]
) -> Iterator[tuple[str, Image | str]]:
    root = None if media_root is None else Path(media_root)
    if root is not None and not root.is_dir():
        raise InputError(f"The media root {root} is no folder. Name one that exists.")
    for batch in media(run, BATCH):
        for row in batch.to_pylist():
            if row["text"] is not None:
                yield row["sample_id"], row["text"]
            elif row["thumbnail"] is not None:
                yield row["sample_id"], _image(row, root)
        advance(batch.num_rows)


def _image(row: Mapping[str, Any], root: Path | None) -> Image:
    """Decode the original below the root, else the thumbnail; never a mix of the two."""
    from PIL import Image, ImageOps

    encoded, sample_id = row["thumbnail"], row["sample_id"]
    if root is not None:
        original = read_original(row["uri"], [root]) if row["uri"] else None
        if original is None:
            raise InputError(
                f"The image {row['uri']!r} of sample {sample_id!r} is not below the media root "
                f"{root}, or is none of at most {LARGEST_ORIGINAL // 1_000_000} MB. Correct the "
                "media root, or leave it out to use the thumbnails."
            )
        encoded = original
    try:
        image = Image.open(BytesIO(encoded))
        return ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(
            f"The image of sample {sample_id!r} cannot be decoded ({error}). Replace the file."
        ) from error


def _named(function: Function) -> str:
    name = getattr(function, "__name__", type(function).__name__)
    return "the function" if name == "<lambda>" else f"the function {name!r}"


def _values(function: Function, what: str, sample_id: str, shown: Image | str) -> Mapping[str, Any]:
    """Values by field that a function returns for one sample."""
    try:
        found = function(shown)
    except AggressorsError:
        raise
    except Exception as error:
        raise InputError(
            f"{what[:1].upper()}{what[1:]} raised {type(error).__name__} on sample {sample_id!r}: "
            f"{error}. Return None where it has no value."
        ) from error
    if isinstance(found, Mapping):
        for name in found:
            if not isinstance(name, str):
                raise InputError(
                    f"{what[:1].upper()}{what[1:]} must name its fields by text; got {name!r} for "
                    f"sample {sample_id!r}."
                )
        return found
    name = getattr(function, "__name__", "")
    if not name.isidentifier():
        raise InputError(
            f"A value needs a name, and {what} has none. Return a dictionary such as "
            "{'vegetation': 0.3}, or pass a function that is defined with a name."
        )
    return {name: found}
