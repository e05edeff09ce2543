"""A model on a graphics processor gives the run that it gives on the processor."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import aggressors as ag
from aggressors.queries.scope import fetch_rows
from aggressors.sources.layers import Layers
from aggressors.stages.infer import Network, infer

pytestmark = [
    pytest.mark.torch,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
DATA = Path(__file__).parents[2] / "data" / "clothes"
FEW = 1_500  # of each population


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The demo's first model on a part of its data, by device."""
    sys.path.insert(0, str(DATA))
    from integration import build

    root = tmp_path_factory.mktemp("gpu")
    found = {}
    torch.backends.cudnn.conv.fp32_precision = "ieee"  # compare arithmetic, not TF32
    for device in ("cpu", "cuda"):
        on_cpu = build("v1")
        moved = dataclasses.replace(
            on_cpu, model=lambda d=device, made=on_cpu.model: made().to(d), model_name=device
        )
        found[device] = ag.run(moved, workspace=root / device, name=device, limit=FEW)
    yield found
    for run in found.values():
        run.close()


def heatmaps(run):
    """{sample_id: (height x width) bytes}"""
    rows = fetch_rows(run._file, "SELECT sample_id, pixels FROM heatmaps WHERE of = 'prediction'")
    return {sample: np.frombuffer(pixels, np.uint8).astype(float) for sample, pixels in rows}


def test_losses_predictions_and_embeddings_agree(runs):
    cpu, gpu = (runs[device].samples() for device in ("cpu", "cuda"))
    assert cpu["sample_id"].to_pylist() == gpu["sample_id"].to_pylist()
    same = [a == b for a, b in zip(cpu["prediction"], gpu["prediction"], strict=True)]
    assert np.mean(same) > 0.999
    loss = [np.array(table["loss"].to_numpy(zero_copy_only=False)) for table in (cpu, gpu)]
    np.testing.assert_allclose(loss[0], loss[1], atol=1e-3, equal_nan=True)


def test_the_same_aggressors_are_found(runs):
    names = [runs[device].aggressors()["name"].to_pylist()[:3] for device in ("cpu", "cuda")]
    assert names[0] == names[1]


def test_heatmaps_show_the_same_places(runs):
    cpu, gpu = (heatmaps(runs[device]) for device in ("cpu", "cuda"))
    both = cpu.keys() & gpu.keys()
    assert len(both) > 0.9 * len(cpu) > 0
    alike = [np.corrcoef(cpu[one], gpu[one])[0, 1] for one in both if cpu[one].std()]
    assert np.quantile(alike, 0.05) > 0.99


def test_a_batch_too_large_for_the_device_is_divided():
    torch.manual_seed(0)
    wide = nn.Sequential(
        nn.Conv2d(3, 256, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(256, 3),
    ).eval()  # fmt: skip
    inputs = torch.rand(512, 3, 128, 128)
    layers = Layers("4", pooled=False, heatmap=None)
    classes = ("a", "b", "c")
    small = infer(Network(wide, "classification", classes, layers), inputs[:8], None)
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(2e9 / total)  # a whole batch needs 8 GB
    try:
        network = Network(wide.cuda(), "classification", classes, layers)
        found = infer(network, inputs, None)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert network.most < len(inputs)
    assert len(found.prediction) == len(found.embedding) == len(inputs)
    np.testing.assert_allclose(found.embedding[:8], small.embedding, atol=1e-3)
