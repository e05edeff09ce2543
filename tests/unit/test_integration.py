"""Integration files: loaded from where they are, and checked as a whole before any work."""

from __future__ import annotations

import io
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import aggressors as ag
from aggressors.contracts import Settings
from aggressors.errors import IntegrationError
from aggressors.integration import TEMPLATE, check_integration, load_integration
from aggressors.slicing.rules import RuleSlicer
from aggressors.sources.checking import open_torch

pytestmark = pytest.mark.torch
CLASSES = ("cat", "dog", "eel")


def jpeg(seed=0, side=8):
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def sample(name="v-0", **changes):
    base = ag.Sample(name, torch.ones(3, 8, 8), "cat", jpeg(), {"hour": 4, "station": "north"})
    return replace(base, **changes)


def network():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))


def integration(**changes):
    base = ag.Integration(
        model=network(),
        datasets={"validation": [sample("v-0"), sample("v-1", label="dog")]},
        classes=CLASSES,
    )
    return replace(base, **changes)


def problems(**changes):
    return check_integration(integration(**changes)).problems


# --- The file ---


def write(folder, text, name="integration.py"):
    path = folder / name
    path.write_text(text)
    return path


GOOD = """
import aggressors as ag
from helper import CLASSES, make

integration = ag.Integration(model=make, datasets={"validation": []}, classes=CLASSES)
"""
HELPER = "from torch import nn\nCLASSES = ('a', 'b')\ndef make():\n    return nn.Linear(2, 2)\n"


def test_loads_a_file_that_imports_its_neighbours(tmp_path):
    write(tmp_path, HELPER, "helper.py")
    found = load_integration(write(tmp_path, GOOD))
    assert found.classes == ("a", "b")
    assert isinstance(found.model(), nn.Linear)
    assert str(tmp_path) not in sys.path


def test_two_folders_may_have_modules_of_one_name(tmp_path):
    found = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        write(folder, HELPER.replace("'a', 'b'", f"'{name}', 'b'"), "helper.py")
        found.append(load_integration(write(folder, GOOD)).classes[0])
    assert found == ["first", "second"]


def test_the_code_digest_follows_the_file_and_its_neighbours_only(tmp_path):
    write(tmp_path, HELPER, "helper.py")
    path = write(tmp_path, GOOD)
    first = load_integration(path).code_digest
    write(tmp_path, "x = 1", "unrelated.py")
    assert load_integration(path).code_digest == first
    write(tmp_path, HELPER + "# changed\n", "helper.py")
    assert load_integration(path).code_digest != first


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "must assign an Integration to the name 'integration'; got nothing"),
        ("integration = 3", "got int"),
        ("def f(:\n", r"integration\.py, line 1: "),
        ("\n\nraise KeyError('hour')", r"integration\.py, line 3: KeyError: 'hour'"),
        ("import no_such_module", "line 1: ModuleNotFoundError"),
    ],
)
def test_a_broken_file_names_line_and_expectation(tmp_path, text, message):
    with pytest.raises(IntegrationError, match=message):
        load_integration(write(tmp_path, text))


def test_a_missing_file_says_how_to_write_one(tmp_path):
    with pytest.raises(IntegrationError, match=r"aggressors init mine\.py"):
        load_integration(tmp_path / "mine.py")


# --- The check ---


def test_reports_every_part():
    report = check_integration(
        integration(
            metrics={"margin": lambda outputs, targets: outputs.max(dim=1).values},
            metadata={"even": lambda sample: sample.sample_id.endswith("0")},
        )
    )
    assert report.problems == ()
    parts = {part.name: part for part in report.parts}
    assert list(parts) == [
        "model", "validation", "validation.input", "validation.label", "validation.metadata.hour",
        "validation.metadata.station", "validation.metadata.even", "validation.image",
        "embedding_layer", "heatmap_layer", "validation.outputs", "validation.embedding",
        "validation.loss", "validation.margin",
    ]  # fmt: skip
    assert parts["validation.input"].shape == (2, 3, 8, 8)
    assert (parts["validation.metadata.hour"].low, parts["validation.metadata.hour"].kind) == (
        4,
        "int",
    )
    assert parts["embedding_layer"].kind == "3"
    assert report.seconds is not None
    assert report.seconds > 0
    assert report.populations == {"validation": 2}


def test_says_which_layer_heatmaps_explain_or_why_none():
    class Small(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 3)

        def forward(self, x):
            return self.head(self.conv(x).mean(dim=(2, 3)))

    def part(model):
        report = check_integration(integration(model=model))
        assert report.problems == ()
        return next(part for part in report.parts if part.name == "heatmap_layer")

    found = part(Small())
    assert (found.kind, found.shape) == ("conv", (6, 6))
    flat = nn.Sequential(nn.Flatten(), nn.Linear(192, 4), nn.ReLU(), nn.Linear(4, 3))
    assert part(flat).kind == "none: The model has no convolution and no attention over an image."


def test_reports_all_problems_at_once():
    found = problems(
        datasets={
            "validation": [sample("v-0", label="cot"), sample("v-1", image=b"no image")],
            "tests": [sample("t-0")],
            "train": [],
        },
        metadata={"broken": lambda sample: 1 / 0},
        embedding_layer="heads",
    )
    text = "\n".join(found)
    for part in (
        "datasets has 'tests', but knows train, validation, test, unlabeled; the nearest is 'test'",
        "Dataset 'train' is empty",
        "label of sample 'v-0' in 'validation' is 'cot', which is none of the classes; "
        "the nearest is 'cat'",
        "Metadata function 'broken' raised ZeroDivisionError on sample 'v-0'",
        "The image of sample 'v-1' cannot be decoded",
        "embedding_layer='heads' is no module of the model",
    ):
        assert part in text
    assert len(found) == 6


def test_problems_stop_a_run_before_it_starts():
    with pytest.raises(IntegrationError, match=r"has 2 problems:\n- classes must hold two or more"):
        open_torch(integration(classes=(), model=nn.Identity(), datasets={"validation": []}), S)


S = Settings()


def data(*samples):
    return {"validation": list(samples)}


CASES = {
    "no validation": ({"datasets": {"train": [sample()]}}, "must have a 'validation' population"),
    "task": ({"task": "segmentation"}, "task must be one of classification, regression"),
    "classes": ({"classes": ("cat", "cat", "dog")}, "'cat' stands twice"),
    "class type": ({"classes": (0, 1, 2)}, "classes must be texts; got 0"),
    "regression classes": ({"task": "regression"}, "classes must be empty for regression"),
    "model": ({"model": lambda: "net"}, "model must be a torch.nn.Module or return one; got str"),
    "model raises": ({"model": lambda: 1 / 0}, "model function raised ZeroDivisionError"),
    "outputs": ({"classes": ("cat", "dog")}, r"shape \(2, 2\) for 2 classes; got \(2, 3\)"),
    "no sample": ({"datasets": data((1, 2))}, "must return a Sample; got tuple at position 0"),
    "id type": ({"datasets": data(sample(7))}, "sample_id must be a text that is not empty; got 7"),
    "id twice": ({"datasets": data(sample(), sample())}, "'v-0' stands in 'validation' and again"),
    "input": ({"datasets": data(sample(input=[1, 2]))}, "must be a torch tensor; got list"),
    "shapes": (
        {"datasets": data(sample(), sample("v-1", input=torch.ones(3, 9, 8)))},
        r"sample 'v-0' .* has \(3, 8, 8\), sample 'v-1' has \(3, 9, 8\)",
    ),
    "label missing": ({"datasets": data(sample(label=None))}, "'v-0' in 'validation' is missing"),
    "label index": ({"datasets": data(sample(label=1))}, r"Return classes\[1\] if it is an index"),
    "weight": ({"datasets": data(sample(weight=float("nan")))}, "weight of sample 'v-0' must be"),
    "metadata kind": (
        {"datasets": data(sample(), sample("v-1", metadata={"hour": "four"}))},
        "'hour' holds a number in one sample and 'four' in sample 'v-1'",
    ),
    "metadata type": (
        {"datasets": data(sample(metadata={"hour": [4]}))},
        "'hour' of sample 'v-0' must be a number, a text, a truth value or None; got list",
    ),
    "metadata name": ({"metadata": {"label": lambda s: 1}}, "'label', which is a column of every"),
    "image type": ({"datasets": data(sample(image=3))}, "got int"),
    "image float": (
        {"datasets": data(sample(image=np.zeros((8, 8, 3))))},
        r"must be a uint8 array .* got float64 \(8, 8, 3\)",
    ),
    "display": ({"display": lambda s: s.nothing}, "display function raised AttributeError"),
    "text": ({"datasets": data(sample(text=3))}, "text of sample 'v-0' must be a str; got int"),
    "loss": ({"loss": lambda o, t: (o.sum(1) - t).mean()}, r"shape \(2,\); got \(\)"),
    "metric": ({"metrics": {"m": lambda o, t: o}}, r"Metric 'm' .* got \(2, 3\)"),
    "metric name": ({"metrics": {"1 - m": lambda o, t: t}}, "metric cannot be called '1 - m'"),
    "metric taken": ({"metrics": {"error": lambda o, t: t}}, "metric cannot be called 'error'"),
    "loss NaN": (
        {"loss": lambda o, t: o[:, 0] * float("nan")},
        "loss of sample 'v-0' in 'validation' is NaN",
    ),
    "embedding layer": ({"embedding_layer": "33"}, "is no module of the model; the nearest is '3'"),
    "heatmap layer": ({"heatmap_layer": "x.y"}, "heatmap_layer='x.y' is no module"),
    "no slicer": ({"slicers": (print,)}, "slicers must have a name and a method propose"),
    "slicer twice": ({"slicers": (RuleSlicer(),)}, "Another slicer has the name 'rule'"),
}


@pytest.mark.parametrize("case", CASES)
def test_finds(case):
    changes, message = CASES[case]
    report = check_integration(integration(**changes))
    assert report.seconds is None
    with pytest.raises(IntegrationError, match=message):
        report.raise_problems()


def test_finds_nan_in_the_outputs():
    model = network()
    with torch.no_grad():
        model[3].weight.fill_(float("nan"))
    assert "validation.outputs holds 6 NaN values in 2 samples" in problems(model=model)[0]


def test_finds_populations_prepared_differently():
    datasets = data(sample()) | {"test": [sample("t-0", input=torch.ones(3, 9, 8))]}
    text = "\n".join(problems(datasets=datasets))
    assert "Inputs of 'test' have the shape (3, 9, 8), those of 'validation' (3, 8, 8)" in text


def test_finds_metadata_that_changes_between_populations():
    datasets = data(sample()) | {"test": [sample("t-0", metadata={"hour": "four"})]}
    text = "\n".join(problems(datasets=datasets))
    assert "'hour' was a number so far and is a category in test" in text


def test_a_dataset_that_raises_names_the_position():
    class Broken:
        def __len__(self):
            return 5

        def __getitem__(self, index):
            raise OSError("truncated file")

    assert (
        "raised OSError at position 0: truncated file"
        in problems(datasets={"validation": Broken()})[0]
    )


# --- The template ---


@pytest.mark.parametrize("all_options", [False, True])
def test_the_template_works_when_filled_in(tmp_path, monkeypatch, all_options):
    from torchvision.models import resnet18

    monkeypatch.chdir(tmp_path)
    for number, folder in enumerate(
        ["train/cat", "train/dog", "validation/cat", "validation/dog", "test/dog", "unlabeled"]
    ):
        (tmp_path / "data" / folder).mkdir(parents=True)
        (tmp_path / "data" / folder / "1.jpg").write_bytes(jpeg(number, 40))
    torch.save(resnet18(num_classes=2).state_dict(), tmp_path / "model.pt")
    text = TEMPLATE.replace("model.safetensors", "model.pt").replace("SIZE = 224", "SIZE = 64")
    if all_options:
        text = text.replace("\n    # ", "\n    ").replace("    All that", "    # All that")
    path = write(tmp_path, text)
    found = load_integration(path)
    report = check_integration(found)
    assert report.problems == ()
    assert report.populations == {"train": 2, "validation": 2, "test": 1, "unlabeled": 1}
    assert ("folder" in found.metadata) == all_options
    names = {part.name for part in report.parts}
    assert ("validation.certainty" in names) == all_options


# --- Weights ---


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.pt"])
def test_weights_come_back(tmp_path, name):
    from safetensors.torch import save_file

    saved = network()
    (save_file if name.endswith("safetensors") else torch.save)(saved.state_dict(), tmp_path / name)
    loaded = ag.load_weights(network(), tmp_path / name)
    for key, value in saved.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value)


def test_weights_that_do_not_fit_are_listed(tmp_path):
    torch.save(network().state_dict(), tmp_path / "weights.pt")
    other = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.Flatten(), nn.Linear(144, 3))
    with pytest.raises(ag.InputError) as caught:
        ag.load_weights(other, tmp_path / "weights.pt")
    assert "0.weight is (4, 3, 3, 3) in the file and (5, 3, 3, 3) in the model" in str(caught.value)
    assert "1.weight is missing in the file" in str(caught.value)


class Evil:
    def __reduce__(self):
        return (open, ("executed", "w"))


def test_a_pickle_is_not_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": Evil()}, "weights.pt")
    with pytest.raises(ag.InputError, match="cannot be read as weights"):
        ag.load_weights(network(), "weights.pt")
    assert not (tmp_path / "executed").exists()


def test_weights_that_are_none(tmp_path):
    (tmp_path / "cut.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    with pytest.raises(ag.InputError, match="cannot be read as weights"):
        ag.load_weights(network(), tmp_path / "cut.safetensors")
    with pytest.raises(ag.InputError, match="There is no weights file"):
        ag.load_weights(network(), tmp_path / "none.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(ag.InputError, match="holds a list that is no state_dict"):
        ag.load_weights(network(), tmp_path / "list.pt")
