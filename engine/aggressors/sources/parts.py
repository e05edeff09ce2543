"""What each part of an integration returned when it was tried, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from aggressors.errors import IntegrationError
from aggressors.sources import fields


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of the integration returned.

    Parameters
    ----------
    name : the part, such as `validation.input` or `metadata.hour`.
    kind : type of its values.
    shape : shape of one batch of it; () for one value a sample.
    low, high : smallest and largest number; None where it has no numbers.
    missing : how many values of the batch are None or NaN.
    seconds : wall time of the batch.
    """

    name: str
    kind: str
    shape: tuple[int, ...] = ()
    low: float | None = None
    high: float | None = None
    missing: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """Outcome of a check; the integration can be run where `problems` is empty.

    Parameters
    ----------
    parts : what each part returned, in the order in which a run calls them.
    problems : one sentence a missing or ill-shaped part.
    populations : samples by population.
    seconds : estimated wall time of infer and describe over all samples; None with problems.
    """

    parts: tuple[Part, ...]
    problems: tuple[str, ...]
    populations: Mapping[str, int]
    seconds: float | None

    def raise_problems(self) -> None:
        """Raise IntegrationError with all problems, one a line, if there are any."""
        if self.problems:
            count = len(self.problems)
            heading = f"The integration has {count} problem{'s' if count > 1 else ''}:"
            raise IntegrationError("\n- ".join([heading, *self.problems]))


def part_of(name: str, values: Tensor | Sequence[Any], seconds: float = 0.0) -> Part:
    """Kind, shape and range of a tensor, or of one value a sample."""
    if isinstance(values, Tensor):
        numbers = values.detach().cpu().double().flatten()
        good = numbers[~numbers.isnan()]
        kind, shape = str(values.dtype).removeprefix("torch."), tuple(values.shape)
        low, high = (float(good.min()), float(good.max())) if len(good) else (None, None)
        return Part(name, kind, shape, low, high, len(numbers) - len(good), seconds)
    plain = [fields.plain(value) for value in values]
    present = [value for value in plain if value is not None and value == value]  # not NaN
    kinds = sorted({type(value).__name__ for value in present}) or ["None"]
    ranges = [float(value) for value in present if isinstance(value, int | float)]
    low, high = (min(ranges), max(ranges)) if ranges else (None, None)
    return Part(name, " or ".join(kinds), (), low, high, len(plain) - len(present), seconds)
