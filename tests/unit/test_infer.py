"""The batch stages over a model: one pass gives everything, and failures name their place."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pyarrow.compute as pc
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

import aggressors as ag
from aggressors.contracts import Settings
from aggressors.errors import InputError, IntegrationError, StageError
from aggressors.sources.checking import open_torch
from aggressors.sources.layers import Layers, find_layers
from aggressors.stages.infer import Network, infer

pytestmark = pytest.mark.torch
CLASSES = ("cat", "dog", "eel")
S = Settings(batch_size=16)


class Net(nn.Module):
    """Counts the samples it saw; raises or misbehaves where a test asks for it."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.features = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU(inplace=True))
        self.head = nn.Linear(5, 3)
        self.seen = []

    def forward(self, x):
        self.seen.append(len(x))
        return self.head(self.features(x).mean(dim=(2, 3)))


class Data:
    """`n` images; sample i has the label i modulo 3, but for population unlabeled."""

    def __init__(self, n=40, population="validation", **changes):
        self.n, self.population, self.changes = n, population, changes

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        rng = np.random.default_rng([i, len(self.population)])
        label = None if self.population == "unlabeled" else CLASSES[i % 3]
        inputs = torch.from_numpy(rng.normal(size=(3, 8, 8))).float()
        sample = ag.Sample(f"{self.population}-{i}", inputs, label, metadata={"hour": i % 24})
        changes = {name: change(i) for name, change in self.changes.items()}
        return replace(sample, **changes)


def source_of(model=None, datasets=None, **more):
    datasets = datasets or {"validation": Data()}
    return open_torch(ag.Integration(model or Net(), datasets, CLASSES, **more), S)


def read(source, population="validation", settings=S, start=0, stop=None):
    done = []
    stop = source.populations[population] if stop is None else stop
    shard = source.shard(population, start, stop, settings, done.append)
    assert sum(done) == stop - start
    return shard.tables


def vectors(table):
    return np.stack(table["vector"].to_numpy(zero_copy_only=False))


# --- Values ---


def test_one_pass_gives_what_the_model_says():
    model = Net()
    source = source_of(model)
    model.seen.clear()
    tables = read(source)
    assert model.seen == [16, 16, 8]  # each sample passes once
    inputs = torch.stack([Data()[i].input for i in range(40)])
    targets = torch.arange(40) % 3
    model.eval()
    with torch.no_grad():
        pooled = model.features(inputs).mean(dim=(2, 3))
        outputs = model.head(pooled)
    samples = tables["samples"]
    expected = functional.cross_entropy(outputs, targets, reduction="none")
    np.testing.assert_allclose(samples["loss"].to_numpy(), expected, rtol=1e-5)
    chances = outputs.softmax(dim=1)
    np.testing.assert_allclose(vectors(tables["probabilities"]), chances, atol=1e-6)
    np.testing.assert_allclose(samples["confidence"].to_numpy(), chances.max(dim=1)[0], atol=1e-6)
    names = [CLASSES[code] for code in outputs.argmax(dim=1)]
    assert samples["prediction"].to_pylist() == names
    assert samples["label"].to_pylist() == [CLASSES[i % 3] for i in range(40)]
    np.testing.assert_allclose(vectors(tables["embeddings"]), pooled, atol=1e-6)
    assert vectors(tables["embeddings"]).dtype == np.float32
    assert tables["positions"]["position"].to_pylist() == list(range(40))


def test_batch_size_and_shards_change_nothing():
    source = source_of()
    whole = read(source)
    parts = [
        read(source, settings=Settings(batch_size=7), start=a, stop=b) for a, b in ((0, 9), (9, 40))
    ]
    for name in ("samples", "embeddings", "probabilities"):
        for column in whole[name].column_names:
            found = [value for part in parts for value in part[name][column].to_pylist()]
            expected = whole[name][column].to_pylist()
            if column in ("loss", "confidence", "vector"):
                np.testing.assert_allclose(found, expected, atol=1e-6)
            else:
                assert found == expected
    assert parts[1]["positions"]["position"].to_pylist()[0] == 9


def test_unlabeled_samples_have_no_label_and_no_loss():
    datasets = {"validation": Data(), "unlabeled": Data(5, "unlabeled")}
    tables = read(source_of(datasets=datasets), "unlabeled")
    assert tables["samples"]["label"].to_pylist() == [None] * 5
    assert tables["samples"]["loss"].to_pylist() == [None] * 5
    assert None not in tables["samples"]["prediction"].to_pylist()


def test_metrics_and_an_own_loss():
    source = source_of(
        loss=lambda outputs, targets: targets.double() + 0.5,
        metrics={"best": lambda outputs, targets: outputs.max(dim=1).values},
    )
    tables = read(source)
    assert tables["samples"]["loss"].to_pylist()[:4] == [0.5, 1.5, 2.5, 0.5]
    ids = [f"validation-{i}" for i in range(40)]
    assert source.metrics == ("best", "confidence_gap")
    for name in source.metrics:
        rows = tables["metrics"].filter(pc.field("metric") == name)
        assert rows["sample_id"].to_pylist() == ids
    probabilities = np.array(tables["probabilities"]["vector"].to_pylist())
    true = probabilities[np.arange(40), np.arange(40) % 3]
    gap = np.sort(probabilities, axis=1)[:, -1] - true
    right = true == probabilities.max(axis=1)
    gap[right] = np.sort(probabilities, axis=1)[right, -2] - true[right]
    assert rows["value"].to_numpy() == pytest.approx(gap)


def test_regression():
    class Line(nn.Module):
        def __init__(self):
            super().__init__()
            self.line = nn.Linear(3, 1)

        def forward(self, x):
            return self.line(x)

    data = [ag.Sample(f"r-{i}", torch.full((3,), float(i)), i / 2) for i in range(6)]
    model = Line()
    source = open_torch(ag.Integration(model, {"validation": data}, task="regression"), S)
    assert (source.loss_name, source.heatmap_layer) == ("squared error", None)
    tables = read(source)
    predicted = tables["samples"]["prediction"].to_numpy()
    with torch.no_grad():
        expected = model(torch.stack([sample.input for sample in data]))[:, 0]
    np.testing.assert_allclose(predicted, expected, rtol=1e-6)
    assert tables["samples"]["label"].to_pylist() == [0, 0.5, 1, 1.5, 2, 2.5]
    np.testing.assert_allclose(
        tables["samples"]["loss"].to_numpy(),
        (expected - torch.arange(6) / 2) ** 2,
        rtol=1e-4,
        atol=1e-6,
    )
    assert "probabilities" not in tables
    assert tables["samples"]["confidence"].null_count == 6
    np.testing.assert_allclose(vectors(tables["embeddings"])[2], [2, 2, 2])


def test_the_model_is_left_in_its_modes():
    model = Net().train()
    model.head.eval()
    source = source_of(model)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    read(source)
    assert model.features.training
    assert not model.head.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(not module._forward_pre_hooks for module in model.modules())


# --- Memory ---


def test_a_batch_is_halved_when_memory_runs_out_and_stays_so():
    class Small(Net):
        def forward(self, x):
            if len(x) > 5:
                raise torch.OutOfMemoryError("out of memory")
            return super().forward(x)

    network = Network(Small().eval(), "classification", CLASSES, Layers("head", False, None))
    inputs = torch.stack([Data()[i].input for i in range(16)])
    found = infer(network, inputs, None)
    assert network.model.seen == [4, 4, 4, 4]
    whole = replace(network, model=Net().eval(), most=99)
    np.testing.assert_allclose(found.outputs, infer(whole, inputs, None).outputs, atol=1e-6)
    infer(network, inputs, None)
    assert network.model.seen == [4] * 8


def test_one_sample_that_does_not_fit_is_an_error():
    class Huge(Net):
        def forward(self, x):
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    network = Network(Huge().eval(), "classification", CLASSES, Layers("head", False, None))
    with pytest.raises(RuntimeError, match="can't allocate"):
        infer(network, torch.ones(4, 3, 8, 8), None)


# --- Failures in the middle ---


def test_a_model_that_raises_names_the_batch():
    class Fails(Net):
        def forward(self, x):
            if x[0, 0, 0, 0] == 7:
                raise ValueError("no such token")
            return super().forward(x)

    data = Data(input=lambda i: torch.full((3, 8, 8), 7.0 if i == 32 else 1.0))
    source = source_of(Fails(), {"validation": data})
    with pytest.raises(
        StageError, match=r"'infer' failed at validation\[32:40\].*ValueError: no such"
    ):
        read(source)


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_loss_that_is_not_finite_names_the_sample(value):
    def loss(outputs, targets):
        values = outputs[:, 0].abs()
        if len(values) == 8:  # the last batch
            values[3] = float(value)
        return values

    source = source_of(loss=loss)
    with pytest.raises(InputError, match="The loss of sample 'validation-35' in 'validation' is"):
        read(source)


def test_an_output_that_is_nan_names_the_sample():
    data = Data(input=lambda i: torch.full((3, 8, 8), float("nan") if i == 38 else 1.0))
    with pytest.raises(InputError, match="model's output of sample 'validation-38'"):
        read(source_of(datasets={"validation": data}))


def test_a_label_of_no_class_names_the_sample():
    data = Data(label=lambda i: "cot" if i == 39 else "cat")
    with pytest.raises(InputError, match=r"'validation-39' .* is 'cot'.* nearest is 'cat'"):
        read(source_of(datasets={"validation": data}))


def test_corrupt_image_bytes_name_the_sample():
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    good = buffer.getvalue()
    data = Data(image=lambda i: good[:45] if i == 33 else good)
    with pytest.raises(InputError, match="image of sample 'validation-33' cannot be decoded"):
        read(source_of(datasets={"validation": data}))


def test_an_embedding_of_changing_length_is_an_error():
    class Ragged(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Identity()
            self.head = nn.Linear(1, 3)

        def forward(self, x):
            width = 4 if x[0, 0, 0, 0] == 7 else 8
            return self.head(self.inner(x[:, 0, 0, :width]).mean(dim=1, keepdim=True))

    data = Data(input=lambda i: torch.full((3, 8, 8), 7.0 if i == 32 else 1.0))
    source = source_of(Ragged(), {"validation": data}, embedding_layer="inner")
    with pytest.raises(IntegrationError, match=r"has 4 values in validation\[32:40\], and had 8"):
        read(source)


def test_metadata_of_changing_type_is_an_error():
    data = Data(metadata=lambda i: {"hour": "late" if i > 31 else 3})
    with pytest.raises(InputError, match=r"'hour' was a number so far and is a category in valid"):
        read(source_of(datasets={"validation": data}))


# --- Layers and digests ---


def test_layers_are_found_by_watching_the_pass():
    class Unused(Net):
        def __init__(self):
            super().__init__()
            self.auxiliary = nn.Linear(5, 9)  # last in the listing, never called

    layers = find_layers(Unused().eval(), torch.ones(2, 3, 8, 8))
    assert (layers.embedding, layers.pooled, layers.heatmap) == ("head", False, "features")
    with pytest.raises(IntegrationError, match="its forward pass never calls it"):
        find_layers(Unused().eval(), torch.ones(2, 3, 8, 8), embedding="auxiliary")


def test_a_model_without_linear_layers_gives_its_pooled_map():
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.Conv2d(4, 3, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    source = source_of(model.eval())
    tables = read(source)
    inputs = torch.stack([Data()[i].input for i in range(40)])
    with torch.no_grad():
        expected = model(inputs)
    layers = source.layers
    assert (layers.embedding, layers.pooled, layers.heatmap) == ("1", True, "1")
    np.testing.assert_allclose(vectors(tables["embeddings"]), expected, atol=1e-6)


def test_tokens_are_averaged():
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(8, 3)

        def forward(self, x):
            return self.head(x[:, 0]).mean(dim=1)

    source = source_of(Tokens())
    inputs = torch.stack([Data()[i].input for i in range(40)])
    np.testing.assert_allclose(
        vectors(read(source)["embeddings"]), inputs[:, 0].mean(dim=1), atol=1e-6
    )


def test_the_digest_follows_model_code_and_data():
    base = source_of().digest()
    assert source_of().digest() == base
    other = Net()
    with torch.no_grad():
        other.head.bias += 1
    versioned = Data()
    versioned.version = "2"
    changed = [
        source_of(other),
        source_of(datasets={"validation": Data(39)}),
        source_of(
            datasets={"validation": Data(label=lambda i: "dog" if i == 39 else CLASSES[i % 3])}
        ),
        source_of(datasets={"validation": Data(metadata=lambda i: {"hour": 1})}),
        source_of(datasets={"validation": Data(input=lambda i: torch.ones(3, 8, 8))}),
        source_of(loss=lambda outputs, targets: outputs[:, 0] ** 2),
        source_of(datasets={"validation": versioned}),
        source_of(model_name="other"),
        source_of(code_digest="x"),
    ]
    assert len({base, *(source.digest() for source in changed)}) == 10


def test_heatmaps_are_those_of_the_named_positions():
    source = source_of()
    targets = [[0, 1], [1, 2], [2, 0], [0, 1], [1, 2], [2, 0]]
    every = source.heatmaps("validation", list(range(6)), targets)
    assert every.shape == (6, 2, 6, 6)
    np.testing.assert_allclose(
        source.heatmaps("validation", [4, 2], [[1, 2], [2, 0]]), every[[4, 2]], atol=1e-6
    )
