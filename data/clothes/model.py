"""The shop's classifier: a small residual network, global average pooling, one linear layer."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import torch
from classes import CLASSES
from PIL import Image
from torch import Tensor, nn

WIDTHS = {"v1": 12, "v2": 12, "v3": 24}


def to_input(jpeg: bytes) -> Tensor:
    """Decode a photograph to (3, 64, 64) float32 in [0, 1]."""
    pixels = np.asarray(Image.open(BytesIO(jpeg)).convert("RGB"))
    return torch.from_numpy(pixels.transpose(2, 0, 1).copy()).float() / 255


class IntakeNet(nn.Module):
    """(n, 3, 64, 64) -> (n, 9) logits.

    The last feature map is 8 x 8 for the heatmaps, the embedding has 4 x width values.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            _convolution(3, width, kernel=5, stride=2),
            nn.ReLU(),
            nn.MaxPool2d(2),  # 16 x 16
            _convolution(width, 3 * width),
            nn.ReLU(),
            Residual(3 * width),
            nn.MaxPool2d(2),  # 8 x 8
            _convolution(3 * width, 4 * width),
            nn.ReLU(),
            Residual(4 * width),
        )
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(4 * width, len(CLASSES))

    def forward(self, photographs: Tensor) -> Tensor:
        """(n, 3, 64, 64) in [0, 1] -> (n, 9)."""
        logits: Tensor = self.head(self.pool(self.features(photographs)))
        return logits


class Residual(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _convolution(channels, channels), nn.ReLU(), _convolution(channels, channels)
        )
        self.activation = nn.ReLU()

    def forward(self, maps: Tensor) -> Tensor:
        """Keep the shape of `maps`, (n, channels, height, width)."""
        activated: Tensor = self.activation(maps + self.body(maps))
        return activated


def _convolution(
    channels_in: int, channels_out: int, kernel: int = 3, stride: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(channels_out),
    )
