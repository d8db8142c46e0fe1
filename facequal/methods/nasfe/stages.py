"""What one stage of NASFE's training leaves to the next: encoders that learnt alone, and the genotype of a search."""

import copy
from collections.abc import Mapping, MutableMapping
from typing import Any

from lightning.pytorch.utilities import rank_zero_info

from facequal.methods.nasfe.network.encoders import BLOCKS
from facequal.methods.nasfe.network.fusion import CellFusion
from facequal.methods.nasfe.network.network import NASFENetwork
from facequal.pretrained.importing import load_network_weights


def load_encoders(network: NASFENetwork, checkpoints: Mapping[str, str]) -> None:
    """Load encoders that learnt alone (stage 1); their class modulation, if any, stays as it is.

    Args:
        network: Network whose encoders are loaded.
        checkpoints: Files by the name of the degradation: "blur", "noise", "low_light"; each of a `Restorer` with a
            `SingleRestorer`.

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


def keep_genotype(configuration: MutableMapping[str, Any], network: NASFENetwork) -> None:
    """Put the genotype itself in place of its file's name, in the configuration that checkpoints keep: files go astray.

    Args:
        configuration: The hyper-parameters of a method, changed in place.
        network: Its network.
    """
    arguments = configuration.get("network", {}).get("init_args", {})
    if isinstance(network.fusion, CellFusion) and isinstance(arguments.get("genotype"), str):
        # A copy: the command line goes on with its own, whose hash names the file.
        configuration["network"] = copy.deepcopy(configuration["network"])
        configuration["network"]["init_args"]["genotype"] = network.fusion.genotype.to_plain()
