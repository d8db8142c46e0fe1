"""A verification benchmark in memory."""

from facequal.data.protocols.base import VerificationProtocol
from facequal.data.protocols.gallery import GallerySearch, first_image_gallery
from facequal.data.protocols.pair_sampling import sample_pairs
from facequal.data.protocols.pairs import VerificationPairs
from tests.sources import people


class SmallPairs(VerificationProtocol):
    """20 pairs over 24 images of 16 pixels."""

    def load(self) -> list[VerificationPairs]:
        images = people(6, 4)
        pairs, is_same = sample_pairs(images.labels, 20, seed=0)
        return [VerificationPairs(self.name, images, pairs, is_same, folds=5)]

    @property
    def searches(self) -> list[GallerySearch]:
        return [first_image_gallery(f"{self.name}/search", self.images.labels)]
