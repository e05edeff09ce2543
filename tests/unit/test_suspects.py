"""Which labels are doubted, where the samples outside know a group and where they do not."""

from dataclasses import dataclass

import numpy as np
import pytest

from aggressors.stages.suspects import Doubt, to_relabel

CLASSES = ("coat", "shirt", "boot")
COAT, SHIRT, BOOT = range(3)


@dataclass(frozen=True, eq=False)
class Labeled:
    """As much of a frame as the suspects take."""

    label: np.ndarray
    prediction: np.ndarray
    classes: tuple[str, ...] = CLASSES

    def __len__(self):
        return len(self.label)

    @property
    def sample_id(self):
        return np.array([f"s{row:04d}" for row in range(len(self))], dtype=object)

    @property
    def loss(self):
        return np.ones(len(self))


@dataclass(frozen=True, eq=False)
class Near:
    z: np.ndarray

    @property
    def rows(self):
        return np.arange(len(self.z))


def listed(true, label, z, member, prediction=None):
    """Suspects with what is known of each: whether its label is wrong, and the suggestion right."""
    frame = Labeled(label, true if prediction is None else prediction)
    suspects = to_relabel(member, frame, Doubt.of(frame, Near(z.astype(np.float32))))
    at = np.array([int(one.sample_id[1:]) for one in suspects], dtype=np.int64)
    right = np.array([one.suggested for one in suspects]) == np.array(CLASSES)[true[at]]
    return suspects, (label != true)[at], right


@pytest.fixture
def own_region():
    """Coats and shirts in a region of their own, nearer to the boots outside than to their like."""
    rng = np.random.default_rng(3)
    true = np.concatenate([np.repeat([COAT, SHIRT, BOOT], 300), np.repeat([COAT, SHIRT], 150)])
    member = np.arange(len(true)) >= 900
    centre = np.array([[-3.0, 1.5], [-3.0, -1.5], [3.0, 0.0]])[true]
    centre[member, 0] = 3.0
    z = np.column_stack([centre + rng.normal(0, 0.5, (len(true), 2)), rng.normal(size=len(true))])
    flipped = member & (true == COAT) & (rng.random(len(true)) < 0.4)
    return true, np.where(flipped, SHIRT, true), z, member


def test_a_region_of_its_own_is_not_given_a_class_that_does_not_occur_in_it(own_region):
    true, label, z, member = own_region
    suspects, wrong, right = listed(true, label, z, member, np.full(len(true), SHIRT))
    count = int((label != true).sum())
    assert wrong[:count].mean() > 0.9
    assert right[wrong].mean() > 0.95
    assert "boot" not in {one.suggested for one in suspects[:count]}


def test_where_the_model_learned_the_wrong_labels_the_samples_outside_decide():
    """Most members are right, and the model contradicts them: it says what the wrong ones say."""
    rng = np.random.default_rng(5)
    true = np.concatenate([np.repeat([COAT, SHIRT, BOOT], 300), np.repeat([COAT, SHIRT], 200)])
    member = np.arange(len(true)) >= 900
    centre = np.array([[-2.0, 0.0], [2.0, 0.0], [0.0, 4.0]])[true]
    z = centre + rng.normal(0, 0.7, (len(true), 2))
    flipped = member & (true == COAT) & (rng.random(len(true)) < 0.3)
    label = np.where(flipped, SHIRT, true)
    prediction = np.where(member, SHIRT, true)
    _, wrong, right = listed(true, label, z, member, prediction)
    count = int(flipped.sum())
    assert wrong[:count].mean() > 0.95
    assert right[wrong].mean() > 0.95


def test_in_a_group_of_one_label_the_others_are_those_that_the_model_answers():
    rng = np.random.default_rng(7)
    true = np.concatenate([np.repeat([COAT, SHIRT, BOOT], 300), np.repeat([COAT, SHIRT], 60)])
    member = np.arange(len(true)) >= 900
    centre = np.array([[-2.0, 0.0], [2.0, 0.0], [0.0, 4.0]])[true]
    z = centre + rng.normal(0, 0.5, (len(true), 2))
    label = np.where(member, SHIRT, true)
    suspects, wrong, right = listed(true, label, z, member)
    assert wrong[:60].mean() > 0.95
    assert right[wrong].mean() > 0.95
    first = suspects[0].reason
    assert first.startswith("labeled shirt; by the samples outside the aggressor and the labels")
    assert "coat" in first


def test_labels_that_nothing_contradicts_are_not_listed():
    rng = np.random.default_rng(11)
    true = np.tile([COAT, SHIRT, BOOT], 200)
    z = np.array([[-4.0, 0.0], [4.0, 0.0], [0.0, 6.0]])[true] + rng.normal(0, 0.3, (600, 2))
    assert listed(true, true, z, np.arange(600) < 150)[0] == []
    assert (
        to_relabel(np.arange(600) < 150, Labeled(true, true), Doubt.of(Labeled(true, true), None))
        == []
    )


def test_what_is_said_to_be_another_class_is_likelier_than_its_label(own_region):
    for one in listed(*own_region)[0]:
        said = one.reason.split(" (")[1].split(")")[0]
        other, own = (float(part.strip("% ")) for part in said.split("against"))
        assert (other >= own) if " it is " in one.reason else (other <= own)
