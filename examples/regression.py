"""Regression on a table of numbers: progression of diabetes (bundled with scikit-learn).

    aggressors run examples/regression.py

`python examples/regression.py` trains the weights again.
"""

from pathlib import Path

import torch
from sklearn.datasets import load_diabetes
from torch import nn

import aggressors as ag

WEIGHTS = Path(__file__).with_suffix(".safetensors")
DATA = load_diabetes(scaled=False)  # 442 patients
MEAN, DEVIATION = DATA.data.mean(axis=0), DATA.data.std(axis=0)
SEX = {1.0: "first", 2.0: "second"}  # the data set does not say which is which


class Patients:
    """The patients at some positions of the data set."""

    def __init__(self, positions):
        self.positions = positions

    def __len__(self):
        return len(self.positions)

    def __getitem__(self, index):
        position = self.positions[index]
        values = DATA.data[position]
        named = dict(zip(DATA.feature_names, values.tolist(), strict=True))
        return ag.Sample(
            sample_id=f"patient-{position:03d}",
            input=torch.from_numpy((values - MEAN) / DEVIATION).float(),  # (10,)
            label=float(DATA.target[position]),  # a number: progression within a year
            metadata={**named, "sex": SEX[named["sex"]]},
        )


def network():
    return nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 1))


TRAIN = range(150)
integration = ag.Integration(
    model=lambda: ag.load_weights(network(), WEIGHTS),
    model_name="diabetes",
    task="regression",
    datasets={
        "train": Patients(TRAIN),
        "validation": Patients(range(150, 350)),
        "test": Patients(range(350, 442)),
    },
    metrics={"absolute_error": lambda outputs, targets: (outputs - targets).abs()},
)


def train():
    """Fit the network to the first 150 patients, in a second."""
    from safetensors.torch import save_file

    torch.manual_seed(0)
    model = network()
    nn.init.constant_(model[2].bias, float(DATA.target[TRAIN].mean()))
    inputs = torch.from_numpy((DATA.data[TRAIN] - MEAN) / DEVIATION).float()
    targets = torch.from_numpy(DATA.target[TRAIN]).float()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-2, weight_decay=1e-2)
    for _ in range(300):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(inputs)[:, 0], targets).backward()
        optimizer.step()
    save_file(model.state_dict(), WEIGHTS)


if __name__ == "__main__":
    train()
