"""Turn one map onto another by the samples that both show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggressors.errors import UsageError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Similarity:
    """A turn, perhaps a mirroring, one scale and a shift of the plane.

    A point (x, y) goes to (xx x + xy y + x0, yx x + yy y + y0), in map units; by default it stays.
    """

    xx: float = 1.0
    xy: float = 0.0
    yx: float = 0.0
    yy: float = 1.0
    x0: float = 0.0
    y0: float = 0.0

    def of(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Move points (n,) and (n,)."""
        if self == STAYS:
            return x, y
        return self.xx * x + self.xy * y + self.x0, self.yx * x + self.yy * y + self.y0

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Move one point."""
        return self.xx * x + self.xy * y + self.x0, self.yx * x + self.yy * y + self.y0

    def inverse(self) -> Similarity:
        """Return the way back."""
        size = self.xx * self.yy - self.xy * self.yx
        xx, xy, yx, yy = self.yy / size, -self.xy / size, -self.yx / size, self.xx / size
        return Similarity(
            xx, xy, yx, yy, -(xx * self.x0 + xy * self.y0), -(yx * self.x0 + yy * self.y0)
        )

    def then(self, after: Similarity) -> Similarity:
        """Return this one followed by another."""
        x0, y0 = after.point(self.x0, self.y0)
        return Similarity(
            after.xx * self.xx + after.xy * self.yx,
            after.xx * self.xy + after.xy * self.yy,
            after.yx * self.xx + after.yy * self.yx,
            after.yx * self.xy + after.yy * self.yy,
            x0,
            y0,
        )


STAYS = Similarity()


def onto(moved: FloatArray, still: FloatArray) -> Similarity:
    """Find the turn, mirroring, scale and shift that bring one map closest to another.

    The scale makes both equally wide. That of least squares would shrink a map the more, the less
    it agrees with the other; the turn is the same.

    Parameters
    ----------
    moved, still : (n, 2) places of the same n samples on both, in map units, all finite.

    Returns
    -------
    The similarity that takes `moved` to `still`; only a shift where either lies in one point.

    Raises
    ------
    UsageError : no sample, or other shapes.

    Source: Schönemann 1966, A generalized solution of the orthogonal Procrustes problem; the scale
    to equal size is that of Gower 1975, Generalized Procrustes analysis.
    """
    if moved.shape != still.shape or moved.ndim != 2 or moved.shape[1] != 2 or not len(moved):
        raise UsageError(
            f"Maps are aligned by the places (n, 2) of the same samples; got {moved.shape} "
            f"and {still.shape}."
        )
    center, aim = moved.mean(axis=0), still.mean(axis=0)
    own, other = moved - center, still - aim
    width, wanted = float(np.linalg.norm(own)), float(np.linalg.norm(other))
    turn = np.eye(2)
    if width > 0 and wanted > 0:
        left, _, right = np.linalg.svd(other.T @ own)
        turn = (wanted / width) * (left @ right)
    x0, y0 = aim - turn @ center
    (xx, xy), (yx, yy) = turn.tolist()
    return Similarity(xx, xy, yx, yy, float(x0), float(y0))
