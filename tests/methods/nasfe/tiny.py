"""NASFE and its search at the smallest size, with data for both."""

from typing import Any

import torch
from torch import Tensor

from facequal.data.datamodule import FaceDataModule
from facequal.data.protocols.restoration import RestorationSet
from facequal.degradations import KernelBank, MultiDegradation
from facequal.methods.nasfe.network.network import NASFENetwork
from facequal.methods.nasfe.network.supernet import SearchSpace
from facequal.methods.nasfe.search import NASFESearch
from facequal.pretrained.frozen import FeatureNetwork
from tests.sources import people

SPACE = SearchSpace(blocks=2, channels=8, cells=2, partial=2)
SIZES: dict[str, Any] = {"widths": (8, 8, 8), "channels": 8, "blocks": (1, 1, 1)}
TINY: dict[str, Any] = {**SIZES, "decoder_widths": (16, 8, 8)}
BANK = KernelBank(num_motion=8, gaussians="none", sizes_px=(3, 5))


class Shades(FeatureNetwork):
    """The picture at half its size, and its square."""

    num_channels = 6

    def forward(self, images: Tensor) -> Tensor:
        small = torch.nn.functional.avg_pool2d(images, 2)
        return torch.cat((small, small.square()), dim=1)


def network(**arguments: Any) -> NASFENetwork:
    torch.manual_seed(0)
    fresh = NASFENetwork(**({"class_prior": True, "identity_channels": 6} | TINY | arguments))
    torch.nn.init.normal_(fresh.decoder.leave[-1].weight, std=0.05)  # type: ignore[arg-type]
    return fresh


def nasfe_data(**arguments: Any) -> FaceDataModule:
    settings: dict[str, Any] = {
        "train": people(6, 8, size_px=16),
        "degradation": MultiDegradation({"NL": 1, "BNL": 1}, BANK),
        "batch_size": 12,
        "num_references": 3,
        "test": [RestorationSet(people(4, 5, size_px=16), "Test-N", num_images=4, num_references=2)],
    }
    return FaceDataModule(**(settings | arguments))


def search(**arguments: Any) -> NASFESearch:
    torch.manual_seed(0)
    network = NASFENetwork(search=SPACE, **TINY)
    for layer in (network.fusion.leave, network.decoder.leave[-1]):  # otherwise nothing behind them learns at first
        torch.nn.init.normal_(layer.weight, std=0.05)  # type: ignore[union-attr, arg-type]
    return NASFESearch(network, **({"warmup": 0.5} | arguments))


def search_data(**arguments: Any) -> FaceDataModule:
    settings: dict[str, Any] = {
        "train": people(8, 6, size_px=16),
        "degradation": MultiDegradation({"NL": 1, "BNL": 1}, BANK),
        "batch_size": 6,
        "alternate_halves": True,
        "seed": 4,
    }
    return FaceDataModule(**(settings | arguments))
