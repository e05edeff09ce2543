"""Spoil pictures with the package `imagecorruptions`; runs in an environment of its own.

    python corrupting.py pictures.npy KIND,KIND,… SEED out.npy

Pictures are (n, 28, 28) uint8; each gets a border of two and one of the kinds at severity 5, twice.
`pip install imagecorruptions` is all that it needs (it brings OpenCV and scikit-image).
"""

import sys

import numpy as np
from imagecorruptions import corrupt

SEVEREST, TIMES = 5, 2


def main(source: str, kinds: str, seed: str, out: str) -> None:
    pictures = np.load(source)
    np.random.seed(int(seed))  # noqa: NPY002 - what the package draws from
    chosen = np.random.default_rng(int(seed)).choice(kinds.split(","), len(pictures))
    spoiled = [_spoiled(one, kind) for one, kind in zip(pictures, chosen, strict=True)]
    np.save(out, np.array(spoiled, dtype=np.uint8))


def _spoiled(picture: np.ndarray, kind: str) -> np.ndarray:
    padded = np.pad(picture, 2)[:, :, None].repeat(3, axis=2)
    for _ in range(TIMES):
        padded = np.asarray(corrupt(padded, corruption_name=kind, severity=SEVEREST), np.uint8)
    return padded.mean(axis=2)[2:-2, 2:-2]


if __name__ == "__main__":
    main(*sys.argv[1:])
