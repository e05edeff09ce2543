"""The classifier that bends: against the exact kernel, without some samples, on bad input."""

import numpy as np
import pytest

from aggressors.stats.kernel_ridge import PENALTY, KernelRidge


@pytest.fixture
def rings():
    """A class within a ring of another, which no straight line parts."""
    rng = np.random.default_rng(0)
    label = np.arange(600) % 2
    angle, radius = rng.uniform(0, 2 * np.pi, 600), 0.5 + 1.4 * label + rng.normal(0, 0.1, 600)
    z = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    return z.astype(np.float32), label


def test_it_tells_what_no_line_parts(rings):
    z, label = rings
    said = KernelRidge.taught(z[:400], label[:400], 2).probabilities(z[400:])
    assert (said.argmax(axis=1) == label[400:]).mean() > 0.99
    assert said.sum(axis=1) == pytest.approx(1)
    assert (said >= 0).all()


def test_it_is_ridge_regression_in_the_gaussian_kernel(rings):
    z, label = rings
    taught, asked = z[:400].astype(float), z[400:].astype(float)

    def kernel(one, other):
        squared = ((one[:, None] - other[None]) ** 2).sum(axis=2)
        return np.exp(-squared / (2 * z.shape[1])) + 1  # the constant feature

    exact = kernel(asked, taught) @ np.linalg.solve(
        kernel(taught, taught) + PENALTY * 400 * np.eye(400), np.eye(2)[label[:400]]
    )
    exact = exact.clip(0) / exact.clip(0).sum(axis=1, keepdims=True)
    said = KernelRidge.taught(z[:400], label[:400], 2).probabilities(z[400:])
    assert np.abs(said - exact).mean() < 0.02


def test_what_is_left_out_leaves_no_trace(rings):
    z, label = rings
    left_out = KernelRidge.taught(z, label, 2).without(z[400:], label[400:])
    never = KernelRidge.taught(z[:400], label[:400], 2)
    assert left_out.count == 400
    assert left_out.probabilities(z) == pytest.approx(never.probabilities(z), abs=1e-6)


def test_without_any_sample_all_classes_are_alike(rings):
    z, label = rings
    nothing = KernelRidge.taught(z[:0], label[:0], 3)
    assert nothing.probabilities(z) == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="at most the 0 samples"):
        nothing.without(z, label)
