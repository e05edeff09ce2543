"""Order labels by `cleanlab`; runs in an environment of its own.

    python cleanlab_scores.py given.npz out.npy

`given.npz` holds label (n,) codes and p (n, k) probabilities; `out.npy` gets (n,) scores, the
highest the most doubtful: confident learning's issues first, by self-confidence.
"""

import sys

import numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores


def main(given: str, out: str) -> None:
    told = np.load(given)
    label, p = told["label"], told["p"] / told["p"].sum(axis=1, keepdims=True)
    quality = get_label_quality_scores(label, p, method="self_confidence")
    issue = find_label_issues(label, p, n_jobs=1)
    np.save(out, issue + (1 - quality))


if __name__ == "__main__":
    main(*sys.argv[1:])
