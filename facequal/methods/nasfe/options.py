"""Which settings of NASFE go together."""

from typing import Literal, get_args

from facequal.methods.nasfe.network.network import NASFENetwork
from facequal.pretrained.frozen import FeatureNetwork

Mode = Literal["given", "refs", "self"]


def validate_options(
    network: NASFENetwork, features: FeatureNetwork | None, reference_dropout: float, mode: str
) -> None:
    """Refuse options of `NASFE` that do not go together.

    Raises:
        ValueError: If one is out of its range or does not fit the network; the message names it.
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
