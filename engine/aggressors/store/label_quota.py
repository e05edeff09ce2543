"""How many samples a label queue may hold: in all, and of each aggressor.

Each change is a file of its own beside the batches, and the last one that can be read holds.
"""

from __future__ import annotations

import json
import math
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from aggressors.errors import UsageError
from aggressors.store.files import atomic_write

_ENDING = ".quota.json"


@dataclass(frozen=True, slots=True)
class Quota:
    """Limits of a queue; None is no limit. Rejected and removed samples take no place.

    Parameters
    ----------
    total : samples in all.
    at_most : samples of each aggressor.
    share : of `total` that one aggressor may take, in (0, 1].
    of : samples of some groups, by the group's name; takes the place of `at_most` and `share`.

    Raises
    ------
    UsageError : a limit below 0, or a share that is none or of no total.
    """

    total: int | None = None
    at_most: int | None = None
    share: float | None = None
    of: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for limit in (self.total, self.at_most, *self.of.values()):
            if limit is not None and limit < 0:
                raise UsageError(f"A quota must be 0 or more; got {limit}.")
        if self.share is not None and not 0 < self.share <= 1:
            raise UsageError(f"A share must be above 0 and at most 1; got {self.share:g}.")
        if self.share is not None and self.total is None:
            raise UsageError("A share needs a total that it is a share of. Set both.")

    def room(self, group: str) -> float:
        """Tell how many samples a group may have; infinite without a limit."""
        if group in self.of:
            return self.of[group]
        limit = math.inf if self.at_most is None else self.at_most
        if self.share is not None and self.total is not None:
            # A share such as .29 of 100 is 28.999… in binary.
            limit = min(limit, math.floor(self.share * self.total + 1e-9))
        return limit

    @property
    def limits(self) -> bool:
        """Whether there is any limit."""
        return self != Quota()


def write_quota(folder: Path, quota: Quota, by: str) -> Path:
    """Set the quota of a queue; raises WorkspaceError."""
    path = folder / f"{time.time_ns():020d}-{secrets.token_hex(4)}{_ENDING}"
    told = asdict(quota) | {"by": by, "created": datetime.now(UTC).isoformat()}
    atomic_write(path, json.dumps(told, indent=2, ensure_ascii=False).encode())
    return path


def read_quota(folder: Path) -> tuple[Quota, tuple[str, ...]]:
    """Read the quota that holds, and a sentence for each file that cannot be read."""
    broken: list[str] = []
    for path in sorted(folder.glob(f"*{_ENDING}"), reverse=True):
        if path.name.startswith("."):
            continue
        try:
            return _quota(path), tuple(broken)
        except FileNotFoundError:
            continue
        except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
            reason = str(error).partition("\n")[0].rstrip(".")
            broken.append(f"{path} is no quota ({reason}). Move it away; the one before it holds.")
    return Quota(), tuple(broken)


def _quota(path: Path) -> Quota:
    told = json.loads(path.read_bytes())
    of = told.get("of") or {}
    return Quota(
        _whole(told.get("total")),
        _whole(told.get("at_most")),
        None if told.get("share") is None else float(told["share"]),
        {str(group): _whole(limit) or 0 for group, limit in of.items()},
    )


def _whole(value: object) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise ValueError(f"{value!r} is no number of samples")
