"""Options of NASFE that do not go together."""

import pytest

from facequal.methods.nasfe.method import NASFE
from facequal.methods.nasfe.options import validate_options
from tests.methods.nasfe.tiny import Shades, network


def test_what_goes_together() -> None:
    validate_options(network(), Shades(), 0.3, "refs")
    validate_options(network(identity_channels=None), None, 0.0, "self")


def test_what_does_not_go_together() -> None:
    with pytest.raises(ValueError, match="the network takes identity features: set features"):
        NASFE(network())
    with pytest.raises(ValueError, match="identity_channels=5, but the features have 6"):
        NASFE(network(identity_channels=5), Shades())
    with pytest.raises(ValueError, match=r"mode must be one of \('given', 'refs', 'self'\), got 'none'"):
        NASFE(network(), Shades(), mode="none")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"reference_dropout must be in \[0, 1\], got 2"):
        NASFE(network(), Shades(), reference_dropout=2)
