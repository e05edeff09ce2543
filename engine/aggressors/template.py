"""The integration file that `aggressors init` writes."""

TEMPLATE = '''\
"""How Aggressors reads my model and my data.

1. Fill in the lines marked <--.
2. Try it:   aggressors try integration.py
3. Run it:   aggressors run integration.py
4. Look:     aggressors app
"""

from io import BytesIO
from pathlib import Path

import torch
from PIL import Image
from torchvision import models

import aggressors as ag

DATA = Path("data")  # <-- one folder a population, with one folder a class: data/train/cat/1.jpg
WEIGHTS = Path("model.safetensors")  # <-- or what torch.save(model.state_dict(), path) wrote
CLASSES = ["cat", "dog"]  # <-- in the order of the model's outputs
SIZE = 224  # <-- side of the model's input, in pixels


def model():
    """Build the model; its weights are loaded without executing anything from the file."""
    network = models.resnet18(num_classes=len(CLASSES))  # <-- your own torch.nn.Module
    return ag.load_weights(network, WEIGHTS)


def prepare(image):
    """Turn an image into what the model takes, exactly as in training."""  # <--
    pixels = bytearray(image.convert("RGB").resize((SIZE, SIZE)).tobytes())
    return torch.frombuffer(pixels, dtype=torch.uint8).view(SIZE, SIZE, 3).permute(2, 0, 1) / 255


class Folder:
    """A map-style dataset: a length, and one Sample by position."""

    def __init__(self, folder, labeled=True):
        self.files = sorted(path for path in folder.rglob("*") if path.suffix in (".jpg", ".png"))
        self.labeled = labeled

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        file = self.files[index]
        content = file.read_bytes()
        return ag.Sample(
            # Unique over all populations, and the same in every run, so that models compare.
            sample_id=file.relative_to(DATA).as_posix(),
            input=prepare(Image.open(BytesIO(content))),
            # The class name; a number for task="regression"; None where unlabeled.
            label=file.parent.name if self.labeled else None,
            # What a person sees: encoded bytes, a PIL image or a (height, width, 3) uint8 array.
            image=content,
            # Whatever you know about it: the likelier the cause of a failure, the better.
            metadata={"kilobytes": len(content) / 1000, "kind": file.suffix},
            # weight=1.0, text=None, and group=... for samples that belong together (one patient).
        )


integration = ag.Integration(
    model=model,
    model_name="my model",  # <-- how this version is called on screen
    classes=CLASSES,
    datasets={
        "train": Folder(DATA / "train"),  # recommended: tells what is rare in training
        "validation": Folder(DATA / "validation"),  # required: here aggressors are found
        "test": Folder(DATA / "test"),  # optional: a second look at each
        "unlabeled": Folder(DATA / "unlabeled", labeled=False),  # optional: what to label next
    },
    # All that follows is optional, and shown with an example.
    # task="classification",  # or "regression": one output, labels are numbers, no classes
    # loss=lambda out, y: torch.nn.functional.cross_entropy(out, y, reduction="none"),
    # metrics={"certainty": lambda out, y: out.softmax(dim=1).max(dim=1).values},  # see `signal`
    # metadata={"folder": lambda sample: sample.sample_id.split("/")[1]},
    # embedding_layer="fc",  # the module whose input is the embedding; default the last Linear
    # heatmap_layer="layer4",  # the module whose output is explained; default the last feature map
    # spaces={"appearance": "layer1"},  # further modules, or encoders, by whose output to look
    # display=lambda sample: sample.image,  # what a person sees, if it is not Sample.image
)
'''
