"""Clean images of the same person beside every image, for methods that restore with their help."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facequal.data.errors import DatasetError
from facequal.data.source import FaceSource
from facequal.data.sources.wrapped import WrappedSource, epoch_cell


class ReferencedFaces(WrappedSource):
    """A source whose items have `references`: other images of the same identity, never the image itself.

    The n references of an image are drawn from all other images of its identity, with replacement, as a function of
    (seed, epoch, index) alone. Where there is no other image, or the person is unknown, the references are black and
    `num_references` is 0.

    Args:
        source: A data set of faces of one size.
        num_references: n, references of every image.
        seed: Seed of the draws.

    Attributes:
        epoch: int64 scalar in shared memory: the epoch of the draws, also in the workers of a loader.

    Raises:
        ValueError: If n is below 1.
    """

    def __init__(self, source: FaceSource, num_references: int, seed: int = 0) -> None:
        if num_references < 1:
            raise ValueError(f"num_references must be at least 1, got {num_references}")
        super().__init__(source)
        self.num_references, self.seed, self.epoch = num_references, seed, epoch_cell()
        self.others = OtherImages(source.labels)

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = super().__getitem__(index)
        others = self.others.of(index)
        generator = np.random.default_rng((self.seed, int(self.epoch), index))
        drawn = generator.choice(others, self.num_references) if len(others) else others
        references = [self.source[position]["image"] for position in drawn.tolist()]
        return {**item, **padded_references(references, self.num_references, item["image"])}


class OtherImages:
    """The other images of each image's identity.

    Args:
        labels: Identity of every image, int64 (N,); -1 for an unknown person.

    Example:
        >>> others = OtherImages(np.array([4, 0, 4, 4, -1, -1]))
        >>> others.of(2).tolist(), others.of(1).tolist(), others.of(4).tolist()
        ([0, 3], [], [])
    """

    def __init__(self, labels: NDArray[np.int64]) -> None:
        self.labels = np.asarray(labels)
        self.order = np.argsort(self.labels, kind="stable")
        self.sorted_labels = self.labels[self.order]

    def of(self, index: int) -> NDArray[np.int64]:
        """Return the ascending positions of the other images, int64; none for an unknown person."""
        label = self.labels[index]
        if label < 0:
            return np.empty(0, dtype=np.int64)
        first, last = np.searchsorted(self.sorted_labels, [label, label + 1])
        same = self.order[first:last]
        others: NDArray[np.int64] = same[same != index]
        return others


def padded_references(references: Sequence[Tensor], num_references: int, image: Tensor) -> dict[str, Any]:
    """Return the fields that references add to an item, of one shape however many there are.

    Args:
        references: At most n clean images, uint8 (3,H,W) each.
        num_references: n.
        image: The image they belong to, of their size.

    Returns:
        `references` uint8 (n,3,H,W), black beyond those there are, and `num_references`, how many there are.

    Example:
        >>> image = torch.zeros(3, 4, 4, dtype=torch.uint8)
        >>> item = padded_references([image + 9], 2, image)
        >>> item["references"].shape, item["references"].amax((1, 2, 3)).tolist(), item["num_references"]
        (torch.Size([2, 3, 4, 4]), [9, 0], 1)
    """
    missing = [torch.zeros_like(image)] * (num_references - len(references))
    return {"references": torch.stack([*references, *missing]), "num_references": len(references)}


def require_same_size(name: str, image: Tensor, other_name: str, other: Tensor) -> None:
    """Check that two images go into one batch.

    Args:
        name: Where the first image is from.
        image: The first image, uint8 (3,H,W).
        other_name: Where the other image is from.
        other: The other image, uint8 (3,H,W).

    Raises:
        DatasetError: If their sizes differ; the message names both images and sizes.
    """
    if image.shape != other.shape:
        size, other_size = (f"{shape[1]}x{shape[2]}" for shape in (image.shape, other.shape))
        raise DatasetError(
            f"{name}: {size} pixels (height x width), but {other_name} has {other_size}: give the source a size_px"
        )
