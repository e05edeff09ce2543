"""Images: handwritten digits (bundled with scikit-learn) and a small network.

    aggressors run examples/digits.py

`python examples/digits.py` trains the weights again.
"""

from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

import aggressors as ag

WEIGHTS = Path(__file__).with_suffix(".safetensors")
CLASSES = [str(digit) for digit in range(10)]
IMAGES, LABELS = load_digits(return_X_y=True)
IMAGES = IMAGES.reshape(-1, 8, 8) / 16  # (1797, 8, 8) in [0, 1]


class Digits:
    """The digits at some positions of the data set."""

    def __init__(self, positions, labeled=True):
        self.positions = positions
        self.labeled = labeled

    def __len__(self):
        return len(self.positions)

    def __getitem__(self, index):
        position = self.positions[index]
        pixels = IMAGES[position]
        return ag.Sample(
            sample_id=f"digit-{position:04d}",
            input=torch.from_numpy(pixels).float()[None],  # (1, 8, 8)
            label=CLASSES[LABELS[position]] if self.labeled else None,
            image=np.kron(255 - 255 * pixels, np.ones((4, 4))).astype(np.uint8),  # (32, 32)
            metadata={"ink": float(pixels.mean()), "width_of_ink": int(pixels.any(axis=0).sum())},
        )


def network():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(256, 10),
    )


TRAIN = range(600)
integration = ag.Integration(
    model=lambda: ag.load_weights(network(), WEIGHTS),
    model_name="digits",
    classes=CLASSES,
    datasets={
        "train": Digits(TRAIN),
        "validation": Digits(range(600, 1_200)),
        "test": Digits(range(1_200, 1_500)),
        "unlabeled": Digits(range(1_500, 1_797), labeled=False),
    },
    metrics={"wrong": lambda outputs, targets: (outputs.argmax(dim=1) != targets).float()},
)


def train():
    """Fit the network to the first 600 digits, in a few seconds."""
    from safetensors.torch import save_file

    torch.manual_seed(0)
    model = network()
    inputs, targets = (
        torch.from_numpy(IMAGES[TRAIN]).float()[:, None],
        torch.from_numpy(LABELS[TRAIN]),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(40):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
    save_file(model.state_dict(), WEIGHTS)


if __name__ == "__main__":
    train()
