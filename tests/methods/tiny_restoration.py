"""Small degraded data, and features that tell what degraded them."""

from typing import Any

import torch
from torch import Tensor

from facequal.data.datamodule import FaceDataModule
from facequal.data.protocols.restoration import RestorationSet
from facequal.degradations import KernelBank, MultiDegradation
from facequal.pretrained.frozen import FeatureNetwork
from tests.sources import people


def restoration_data(**arguments: Any) -> FaceDataModule:
    bank = KernelBank(num_motion=8, gaussians="none", sizes_px=(3, 5))
    settings: dict[str, Any] = {
        "train": people(6, 8, size_px=16),
        "degradation": MultiDegradation({"NL": 1, "BNL": 1}, bank),
        "batch_size": 12,
        "test": [RestorationSet(people(4, 2, size_px=32), "Test-L", num_images=4)],
    }
    return FaceDataModule(**(settings | arguments))


class Contrasts(FeatureNetwork):
    """Brightness, and the mean difference of neighbours: what darkness and noise change."""

    num_channels = 6

    def forward(self, images: Tensor) -> Tensor:
        steps = (images - images.roll(1, dims=3)).abs()
        return torch.cat((images, 5 * steps), dim=1)
