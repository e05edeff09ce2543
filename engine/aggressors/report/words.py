"""Words of the report."""

from __future__ import annotations

ADVICE = {
    "collect": "Label more samples like these; they are rare in training.",
    "augment": "Vary this condition in training; the model leans on it.",
    "relabel": "Correct the labels inside; many look wrong.",
    "remove": "Take these samples out; labels or inputs are noise.",
    "review_model": "Look at the model; these samples are well covered, clean, and still hard.",
}
