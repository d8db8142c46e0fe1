"""Real photos to restore, without ground truth: a folder per person, and clean pictures of them if there are any."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facequal.data.datasets import FolderDataset, SizePx
from facequal.data.errors import DatasetError
from facequal.data.protocols import EvaluationProtocol
from facequal.data.source import FaceSource
from facequal.data.views import to_unit_range


class RealPhotos(EvaluationProtocol):
    """Poor photos of known people: ``<root>/<person>/<photo>``, and ``<references>/<person>/<picture>``.

    There are no clean versions to compare with: restored photos are judged by how alike they are to the clean
    references of the same person, by scores without a reference, and by eye.

    Args:
        name: how the results are called.
        root: folder of the photos.
        references: folder of clean pictures, by the same names of people; people may be missing there.
        size_px: size that photos and references are brought to, see `FaceDataset`: batches need one.

    Raises:
        DatasetError: a folder does not follow the layout, or no person of the references has a photo.
    """

    def __init__(self, name: str, root: str, references: str | None = None, size_px: SizePx = 112) -> None:
        super().__init__(name)
        self.root, self.size_px = Path(root), size_px
        self.references_root = None if references is None else Path(references)

    @property
    def paths(self) -> list[Path]:
        """The folders."""
        return [self.root] if self.references_root is None else [self.root, self.references_root]

    @cached_property
    def images(self) -> FaceSource:
        """The photos."""
        return FolderDataset(self.root, self.size_px)

    @cached_property
    def references(self) -> FaceSource | None:
        """The clean pictures."""
        return None if self.references_root is None else FolderDataset(self.references_root, self.size_px)

    @cached_property
    def reference_labels(self) -> NDArray[np.int64]:
        """Label of each reference among the people of the photos; -1 for others.

        Raises:
            DatasetError: none of them is among the people of the photos.
        """
        if self.references is None:
            return np.empty(0, dtype=np.int64)
        number = {name: label for label, name in enumerate(self.images.classes)}
        labels = np.array([number.get(name, -1) for name in self.references.classes], dtype=np.int64)
        if (labels < 0).all():
            raise DatasetError(f"{self.references_root}: no person of {self.root} is there: do the names agree?")
        found: NDArray[np.int64] = labels[self.references.labels]
        return found

    def views(self, batch: Mapping[str, Any], resolutions_px: Sequence[int]) -> dict[str, Any]:
        """``lq`` float32 (B,3,H,W) in [0,1], ``label`` and ``index``: there is no ``image``."""
        return {"lq": to_unit_range(batch["image"]), "label": batch["label"], "index": batch["index"]}
