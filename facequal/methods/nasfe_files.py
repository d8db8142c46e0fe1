"""What NASFE's methods read from files, and keep of them."""

import copy
from collections.abc import Mapping, MutableMapping
from typing import Any

from lightning.pytorch.utilities import rank_zero_info

from facequal.models.nasfe.encoders import BLOCKS
from facequal.models.nasfe.fusion import CellFusion
from facequal.models.nasfe.network import NASFENetwork
from facequal.weights import load_network_weights


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
        ValueError: a name is unknown, or the weights do not fit.
        FileNotFoundError: there is no such file.
    """
    names = list(BLOCKS)
    for name, path in checkpoints.items():
        if name not in names:
            raise ValueError(f"encoders: unknown {name!r}, known: {', '.join(names)}")
        encoder = network.encoders[names.index(name)]
        load_network_weights(encoder, path, prefix="network.encoder.", keep="modulation.")
        rank_zero_info(f"{path}: all weights of the encoder of {name} loaded")
