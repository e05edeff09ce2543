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
SHARED = ("common.py", "items.py")


@dataclass(frozen=True)
class Peer:
    """One method with one of its settings.

    Parameters
    ----------
    title : as the report writes it.
    module : in this package; its `find(setting, seed, **options)` returns groups, best first.
    foreign : whether it needs the peers' own environment.
    """

    title: str
    module: str
    foreign: bool
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


def _settings(
    title: str, module: str, foreign: bool, **named: dict[str, Option]
) -> dict[str, Peer]:
    return {f"{module}:{name}": Peer(title, module, foreign, own) for name, own in named.items()}


PEERS: dict[str, Peer] = {
    **_settings(
        "k-means inside each label",
        "kmeans",
        False,
        few={"clusters": 4},
        some={"clusters": 8},
        many={"clusters": 16},
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
