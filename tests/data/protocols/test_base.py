import numpy as np
import pytest
import torch

from facequal.data.protocols.base import EvaluationProtocol, VerificationProtocol
from facequal.data.protocols.pairs import VerificationPairs
from facequal.data.protocols.verification import PairsBin
from tests.sources import people


class Mine(VerificationProtocol):
    times_loaded = 0

    def load(self) -> list[VerificationPairs]:
        self.times_loaded += 1
        return [VerificationPairs(self.name, people(), np.array([[0, 1]]), np.array([True]), folds=1)]


def test_lists_are_read_once_and_not_before_they_are_asked_for() -> None:
    protocol = Mine("mine")
    assert (protocol.times_loaded, protocol.paths, protocol.searches) == (0, (), [])
    assert protocol.images is protocol.pair_lists[0].images
    assert len(protocol.images) == 24
    assert protocol.times_loaded == 1


def test_views_are_all_resolutions() -> None:
    batch = {"image": torch.zeros(2, 3, 16, 16, dtype=torch.uint8), "label": torch.zeros(2), "index": torch.arange(2)}
    views = Mine("mine").views(batch, [4, 8, 16])
    assert views["view"].tolist() == [4, 4, 8, 8, 16, 16]
    assert views["image"].shape == (6, 3, 16, 16)


def test_a_protocol_must_say_what_its_images_and_views_are() -> None:
    with pytest.raises(TypeError, match="abstract"):
        EvaluationProtocol("mine")  # type: ignore[abstract]


def test_unknown_rule() -> None:
    with pytest.raises(ValueError, match="rule must be 'grid' or 'exact', got 'best'"):
        PairsBin("x.bin", rule="best")  # type: ignore[arg-type]
