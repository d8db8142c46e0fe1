"""What a stage takes over from those before: encoders, and the genotype in its checkpoint."""

from pathlib import Path
from typing import Any

import pytest
import torch

from facequal.methods.nasfe.method import NASFE
from facequal.methods.nasfe.network.encoders import BLOCKS
from facequal.methods.nasfe.network.network import NASFENetwork, SingleRestorer, published_genotype
from facequal.methods.nasfe.stages import keep_genotype
from facequal.methods.restoration.restorer import Restorer
from tests.methods.nasfe.tiny import SIZES, TINY, Shades, network


def test_encoders_start_from_what_they_learnt_alone(tmp_path: Path) -> None:
    paths = {}
    for seed, name in enumerate(BLOCKS):
        torch.manual_seed(seed)
        alone = Restorer(SingleRestorer(name, **SIZES, decoder_widths=(8, 8, 8)))
        paths[name] = str(tmp_path / f"{name}.ckpt")
        torch.save({"state_dict": alone.state_dict()}, paths[name])
    module = NASFE(network(), Shades(), encoders=paths)
    for number, path in enumerate(paths.values()):
        stored = torch.load(path, weights_only=True)["state_dict"]
        for name, value in module.network.encoders[number].state_dict().items():
            if name.startswith("modulation."):
                assert not value.any()
            else:
                assert torch.equal(value, stored[f"network.encoder.{name}"])
    with pytest.raises(ValueError, match="encoders: unknown 'dust', known: blur, noise, low_light"):
        NASFE(network(), Shades(), encoders={"dust": paths["blur"]})
    with pytest.raises(ValueError, match=r"blur.ckpt does not fit the network"):
        NASFE(network(blocks=(2, 1, 1)), Shades(), encoders={"blur": paths["blur"]})


def test_the_genotype_is_kept_in_place_of_its_file() -> None:
    given: dict[str, Any] = {
        "network": {"class_path": "NASFENetwork", "init_args": {"genotype": "tiny", "channels": 8}}
    }
    kept = dict(given)
    keep_genotype(kept, NASFENetwork("tiny", **TINY))
    genotype = published_genotype("tiny").to_plain()
    assert kept["network"] == {"class_path": "NASFENetwork", "init_args": {"genotype": genotype, "channels": 8}}
    assert given["network"]["init_args"]["genotype"] == "tiny"  # the command line's own stays as it is
    for fresh in (NASFENetwork(**TINY), NASFENetwork(published_genotype("tiny"), **TINY)):
        plain: dict[str, Any] = {"network": {"init_args": {"genotype": None}}}
        keep_genotype(plain, fresh)
        assert plain == {"network": {"init_args": {"genotype": None}}}
    built_in_python: dict[str, Any] = {}
    keep_genotype(built_in_python, NASFENetwork("tiny", **TINY))
    assert built_in_python == {}
