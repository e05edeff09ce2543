"""A classifier that bends, taught in one sweep and asked again without some of its samples."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

WAVES = 250
PENALTY = 1e-4  # for every sample


@dataclass(frozen=True, eq=False)
class KernelRidge:
    """What n samples of p dimensions and k classes taught.

    `waves` (p, w) directions and frequencies of the features; `products` (f, f) and `sums` (f, k)
    of the features with themselves and with the classes, f = 2 w + 1; `count` of the samples.
    """

    waves: FloatArray
    products: FloatArray
    sums: FloatArray
    count: int

    @classmethod
    def taught(cls, z: NDArray[np.floating], label: IntArray, k: int) -> KernelRidge:
        """Teach (n, p) positions of unit variance and their (n,) codes, all in [0, k).

        Notes
        -----
        Ridge regression of the classes in the Gaussian kernel whose width is the square root of p,
        which is how far samples lie from the middle, by random Fourier features: A. Rahimi,
        B. Recht, Random features for large-scale kernel machines, NIPS 2007, section 3.
        """
        width = np.sqrt(max(z.shape[1], 1))
        waves = np.random.default_rng(0).standard_normal((z.shape[1], WAVES)) / width
        f = 2 * WAVES + 1
        return cls(waves, np.zeros((f, f)), np.zeros((f, k)), 0)._changed(z, label, 1)

    def without(self, z: NDArray[np.floating], label: IntArray) -> KernelRidge:
        """Forget (m, p) samples that it was taught, as if they had not been among them.

        Raises
        ------
        ValueError
            If there are more than it was taught.
        """
        if len(label) > self.count:
            raise ValueError(
                f"at most the {self.count} samples that were taught can be left out, got "
                f"{len(label)}: name only those"
            )
        return self._changed(z, label, -1)

    def probabilities(self, z: NDArray[np.floating]) -> FloatArray:
        """(q, k) what it says of (q, p) positions; equal shares where it knows nothing."""
        penalty = PENALTY * max(self.count, 1) * np.eye(len(self.products))
        weights = np.linalg.solve(self.products + penalty, self.sums)
        said = (self._features(z) @ weights).clip(0) + 1e-9
        return np.asarray(said / said.sum(axis=1, keepdims=True))

    def _changed(self, z: NDArray[np.floating], label: IntArray, sign: int) -> KernelRidge:
        features = self._features(z)
        classes = np.eye(self.sums.shape[1])[label]
        return replace(
            self,
            products=self.products + sign * features.T @ features,
            sums=self.sums + sign * features.T @ classes,
            count=self.count + sign * len(label),
        )

    def _features(self, z: NDArray[np.floating]) -> FloatArray:
        angle = z.astype(np.float64) @ self.waves
        bent = np.concatenate([np.cos(angle), np.sin(angle)], axis=1) / np.sqrt(WAVES)
        return np.concatenate([bent, np.ones((len(z), 1))], axis=1)
