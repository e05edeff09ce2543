"""Names of further spaces: latent spaces beside the embedding in which groups are sought too."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

PREFIX = "embedding_"  # of a table's columns
RESERVED = ("embedding", "metadata", "row_id")


def name_problem(name: object) -> str:
    """Say what is wrong with the name of a space; '' where nothing is."""
    if not isinstance(name, str) or not name.isidentifier():
        return f"The name of a space must be a plain word such as 'appearance'; got {name!r}."
    if name in RESERVED:
        return f"A space cannot be called {name!r}. Choose another name, such as 'appearance'."
    return ""


def in_order(vectors: Mapping[str, pa.Array]) -> pa.Table:
    """Build the work table `spaces`: one column of vectors a space, by the order of the names."""
    return pa.table({name: vectors[name] for name in sorted(vectors)})
