"""What NASFE and its search share: modes, files they read, and a watch over the terms of a loss."""

import copy
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal, get_args

import torch
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from torch import Tensor

from facequal.methods.nasfe.network.encoders import BLOCKS
from facequal.methods.nasfe.network.fusion import CellFusion
from facequal.methods.nasfe.network.network import NASFENetwork
from facequal.pretrained.frozen import FeatureNetwork
from facequal.pretrained.importing import load_network_weights

Mode = Literal["given", "refs", "self"]


def validate_options(
    network: NASFENetwork, features: FeatureNetwork | None, reference_dropout: float, mode: str
) -> None:
    """Refuse options of `facequal.methods.nasfe.method.NASFE` that do not go together.

    Raises:
        ValueError: See above; names the option.
    """
    if mode not in get_args(Mode):
        raise ValueError(f"mode must be one of {get_args(Mode)}, got {mode!r}; a network without identity has 'none'")
    if not 0.0 <= reference_dropout <= 1.0:
        raise ValueError(f"reference_dropout must be in [0, 1], got {reference_dropout}")
    if network.identity is not None:
        if features is None:
            raise ValueError("the network takes identity features: set features")
        if network.identity.in_channels != features.num_channels:
            raise ValueError(
                f"identity_channels={network.identity.in_channels}, but the features have {features.num_channels}"
            )


def keep_genotype(configuration: MutableMapping[str, Any], network: NASFENetwork) -> None:
    """Put the genotype in place of its file's name in the configuration that checkpoints keep: files go astray."""
    arguments = configuration.get("network", {}).get("init_args", {})
    if isinstance(network.fusion, CellFusion) and isinstance(arguments.get("genotype"), str):
        # A copy: the command line goes on with its own, whose hash names the file.
        configuration["network"] = copy.deepcopy(configuration["network"])
        configuration["network"]["init_args"]["genotype"] = network.fusion.genotype.to_plain()


def load_encoders(network: NASFENetwork, checkpoints: Mapping[str, str]) -> None:
    """Load encoders that learnt alone; their class modulation, if any, stays as it is.

    Raises:
        ValueError: If a name is unknown, or the weights do not fit.
        FileNotFoundError: If there is no such file.
    """
    names = list(BLOCKS)
    for name, path in checkpoints.items():
        if name not in names:
            raise ValueError(f"encoders: unknown {name!r}, known: {', '.join(names)}")
        encoder = network.encoders[names.index(name)]
        load_network_weights(encoder, path, prefix="network.encoder.", keep="modulation.")
        rank_zero_info(f"{path}: all weights of the encoder of {name} loaded")


class TermWatch:
    """Warns, once, of terms that outweigh the main one: their weight or their features are wrong.

    Args:
        main: Name of the main term.
        largest_ratio: How many times the main term another may be, on average over the first steps.
        num_steps: How many steps these are.
    """

    def __init__(self, main: str, largest_ratio: float = 10.0, num_steps: int = 100) -> None:
        self.main, self.largest_ratio, self.num_steps = main, largest_ratio, num_steps
        self.sums: dict[str, Tensor] = {}

    def see(self, step: int, terms: Mapping[str, Tensor]) -> None:
        """Take the terms of a step, weighted, as scalars without a gradient."""
        if step < self.num_steps:
            for name, value in terms.items():
                self.sums[name] = self.sums.get(name, torch.zeros_like(value)) + value
        elif self.sums:
            ratios = {name: float(value / self.sums[self.main]) for name, value in self.sums.items()}
            self.sums = {}
            for name, ratio in ratios.items():
                if ratio > self.largest_ratio:
                    rank_zero_warn(
                        f"the {name} term of the loss was {ratio:.0f} times the {self.main} term "
                        f"over the first {self.num_steps} steps: its weight is too large"
                    )
