"""What sources made from other sources have in common."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from facequal.data.source import FaceSource


class WrappedSource(Dataset[dict[str, Any]]):
    """Images of a source with all that the source knows about them, for subclasses to change one thing.

    Args:
        source: A data set of faces.
        positions: Positions of the images in `source`, int64 (N,); None takes all images.

    Attributes:
        labels: Identity of every image, int64 (N,).
        families: Group of people who look alike of every image, int64 (N,), where the source has it.
        size_px: Size of the images, where the source has it.
    """

    def __init__(self, source: FaceSource, positions: NDArray[np.int64] | None = None) -> None:
        self.source, self.positions = source, positions
        self.labels: NDArray[np.int64] = self._at_positions(source.labels)
        self.num_classes, self.classes = source.num_classes, source.classes
        if hasattr(source, "families"):
            self.families = self._at_positions(source.families)
        if hasattr(source, "size_px"):
            self.size_px = source.size_px

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = self.source[self.position(index)]
        return {**item, "label": int(self.labels[index]), "index": int(index)}

    def position(self, index: int) -> int:
        """Return the position of an image in the source."""
        return index if self.positions is None else int(self.positions[index])

    def describe(self, index: int) -> str:
        """Return path, or record key and offset, of an image: what an error message names."""
        return self.source.describe(self.position(index))

    def name(self, index: int) -> str:
        """Return what files made from an image are named by: its name in the source, or its number."""
        if hasattr(self.source, "name"):
            return str(self.source.name(self.position(index)))
        return f"{index:06d}"

    def _at_positions(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        return values if self.positions is None else np.asarray(values)[self.positions]


def epoch_cell() -> Tensor:
    """Return an int64 scalar 0 in shared memory: the epoch, set by the sampler and seen by workers that live on."""
    cell: Tensor = torch.zeros((), dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]
    return cell
