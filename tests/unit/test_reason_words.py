"""Evidence in words that a reader without the paper understands."""

from aggressors.stats.diagnosis import Evidence
from aggressors.stats.reasons import SHORTCUT, evident


def of_shortcut(value):
    told = Evidence(
        shortcut=value, shortcut_field="marker", shortcut_class="coat", shortcut_shortfall=1.0986
    )
    return next(one.sentence for one in evident(told) if one.evidence == "shortcut")


def test_a_shortcut_is_placed_on_a_scale():
    assert of_shortcut(0.573) == (
        "in train, marker tells coat from the others, and fails on these members: 0.573 on a scale "
        f"from 0 to 1, on which a shortcut begins at {SHORTCUT}; such members are 3 times as "
        "frequent here as in train"
    )
    assert of_shortcut(0.1) == (
        "no field tells a class in train and fails on these members: the nearest to it comes to "
        f"0.1 on a scale from 0 to 1, on which a shortcut begins at {SHORTCUT}"
    )
