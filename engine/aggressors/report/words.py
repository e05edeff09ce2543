"""Words of the report."""

from aggressors.words import ADVICE

__all__ = ["ADVICE"]
