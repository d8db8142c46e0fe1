"""A protocol whose images two processes cannot share evenly."""

from facequal.data.protocols.base import VerificationProtocol
from facequal.data.protocols.pair_sampling import sample_pairs
from facequal.data.protocols.pairs import VerificationPairs
from tests.sources import ArraySource


class OwnPairs(VerificationProtocol):
    """Pairs over 23 images, an uneven split for two processes."""

    def __init__(self) -> None:
        super().__init__("own", "exact")

    def load(self) -> list[VerificationPairs]:
        images = ArraySource([identity for identity in range(6) for _ in range(4)][:23])
        pairs, is_same = sample_pairs(images.labels, 20, seed=0)
        return [VerificationPairs("own", images, pairs, is_same, folds=10)]
