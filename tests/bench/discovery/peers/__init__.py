"""Published and plain methods that discovery is held against, each with its named settings.

A peer's name is `method:setting`. Importing this package imports no peer: a method that cannot be
imported does not hinder the others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.discovery.groups import Groups
    from bench.discovery.setting import Setting

Option = int | float | str
HERE = Path(__file__).parent
SHARED = ("common.py", "items.py", "authors.py")


@dataclass(frozen=True)
class Peer:
    """One method with one of its settings.

    Parameters
    ----------
    title : as the report writes it.
    module : in this package; its `find(setting, seed, **options)` returns groups, best first.
    """

    title: str
    module: str
    options: dict[str, Option] = field(default_factory=dict)

    def find(self, setting: Setting, seed: int) -> Groups:
        """Search a setting."""
        return import_module(f"bench.discovery.peers.{self.module}").find(
            setting, seed, **self.options
        )

    def digest(self) -> str:
        """Hash of everything of ours that shapes what the peer finds."""
        files = [HERE / f"{self.module}.py", *(HERE / name for name in SHARED)]
        text = b"\0".join(file.read_bytes() for file in files) + repr(self.options).encode()
        return sha256(text).hexdigest()[:12]


def _settings(title: str, module: str, **named: dict[str, Option]) -> dict[str, Peer]:
    return {f"{module}:{name}": Peer(title, module, own) for name, own in named.items()}


PEERS: dict[str, Peer] = {
    **_settings(
        "k-means inside each label",
        "kmeans",
        few={"clusters": 4},
        fewer={"clusters": 3},
        some={"clusters": 6},
    ),
    **_settings(
        "Domino 0.1.5, authors' code",
        "domino",
        confusion={"start": "confusion"},
        kmeans={"start": "kmeans"},
        short={"start": "kmeans", "dimensions": 32},
    ),
    **_settings(
        "Spotlight, authors' code",
        "spotlight",
        small={"share": 0.02},
        middle={"share": 0.05},
        large={"share": 0.1},
    ),
    **_settings(
        "k-means on UMAP",
        "layout",
        kmeans={"clusters": 20},
        finer={"clusters": 40},
    ),
    **_settings(
        "HDBSCAN on UMAP",
        "layout",
        hdbscan={"pick": "eom"},
        leaves={"pick": "leaf"},
    ),
    **_settings(
        "SliceLine 0.3.0, with clusters",
        "sliceline",
        paper={"alpha": 0.95},
        size={"alpha": 0.8},
        short={"alpha": 0.95, "depth": 2},
    ),
    **_settings(
        "DivExplorer 0.2.6, with clusters",
        "divexplorer",
        t={"order": "t"},
        finer={"order": "t", "support": 0.01},
        error={"order": "t", "outcome": "error"},
    ),
    **_settings(
        "pysubgroup 0.9.0, with clusters",
        "pysubgroup",
        root={"exponent": 0.5},
        large={"exponent": 0.8},
        short={"exponent": 0.5, "depth": 2},
    ),
    **_settings(
        "sliceguard 0.0.35",
        "sliceguard",
        product={"order": "drop*support"},
        drop={"order": "drop"},
        embedding={"order": "drop*support", "columns": "label"},
    ),
}


def named(method: str) -> list[str]:
    """Names of all settings of a method, or the one that is named in full.

    Raises
    ------
    ValueError : there is no such peer.
    """
    found = [name for name in PEERS if method in (name, PEERS[name].module)]
    if not found:
        known = ", ".join(sorted({peer.module for peer in PEERS.values()}))
        raise ValueError(f"There is no peer {method!r}; the peers are {known}.")
    return found
