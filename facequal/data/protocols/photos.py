"""Real photos to restore, without ground truth: a folder per person, and clean pictures of the same people."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facequal.data.errors import DatasetError
from facequal.data.protocols.base import EvaluationProtocol
from facequal.data.source import FaceSource
from facequal.data.sources.datasets import FolderDataset, SizePx
from facequal.data.sources.references import padded_references, require_same_size
from facequal.data.sources.wrapped import WrappedSource
from facequal.data.views import reference_views, to_unit_range


class ReferencedPhotos(WrappedSource):
    """Photos `<root>/<person>/<photo>` with clean pictures of the same people, `<references>/<person>/<picture>`.

    Items have the fields of `padded_references`, for the first pictures of the person. A photo that is among the clean
    pictures is no reference of itself.

    Args:
        root: Folder of the photos.
        references: Folder of the clean pictures, by the same names of people.
        num_references: Most references of a photo.
        size_px: Size to bring photos and references to, see `FaceDataset`; None leaves them as they are, and those of
            a person must have one size.

    Attributes:
        clean: The clean pictures.
        clean_labels: Label of each clean picture among the people of the photos, int64; -1 for others.

    Raises:
        DatasetError: If a folder does not follow the layout, or no person of the references has a photo.
        ValueError: If no reference is asked for.
    """

    def __init__(self, root: str, references: str, num_references: int = 5, size_px: SizePx = None) -> None:
        if num_references < 1:
            raise ValueError(f"num_references must be at least 1, got {num_references}")
        super().__init__(FolderDataset(root, size_px))
        self.clean, self.num_references = FolderDataset(references, size_px), num_references
        self.clean_labels = labels_among(self.classes, self.clean, root, references)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return a photo and its references.

        Raises:
            DatasetError: If a reference has another size than the photo.
        """
        item, photo = super().__getitem__(index), Path(self.describe(index)).resolve()
        positions = self.references_of(item["label"]).tolist()
        others = [position for position in positions if Path(self.clean.describe(position)).resolve() != photo]
        references = [self.clean[position]["image"] for position in others]
        for position, reference in zip(others, references, strict=True):
            require_same_size(self.clean.describe(position), reference, self.describe(index), item["image"])
        return {**item, **padded_references(references, self.num_references, item["image"])}

    def references_of(self, label: int) -> NDArray[np.int64]:
        """Return positions of the clean pictures that come with the photos of a person."""
        return np.flatnonzero(self.clean_labels == label)[: self.num_references]


def labels_among(
    people: Sequence[str], references: FolderDataset, root: str, references_root: str
) -> NDArray[np.int64]:
    """Return the label of each reference among the people, int64 (R,); -1 for other people.

    Raises:
        DatasetError: If none of them is among the people.
    """
    number = {name: label for label, name in enumerate(people)}
    labels = np.array([number.get(name, -1) for name in references.classes], dtype=np.int64)
    if (labels < 0).all():
        raise DatasetError(f"{references_root}: no person of {root} is there: do the names agree?")
    reference_labels: NDArray[np.int64] = labels[references.labels]
    return reference_labels


class RealPhotos(EvaluationProtocol):
    """Poor photos of known people: `<root>/<person>/<photo>`, and `<references>/<person>/<picture>`.

    There are no clean versions to compare with: restored photos are judged by how alike they are to the clean
    references of the same person, by scores without a reference, and by eye.

    Args:
        name: Name of the benchmark in results.
        root: Folder of the photos.
        references: Folder of clean pictures, by the same names of people; people may be missing there.
        size_px: Size to bring photos and references to, see `FaceDataset`; batches need one size.
        num_references: Most references of a photo, for methods that restore with their help. Likeness is judged by the
            other clean pictures of a person alone.

    Raises:
        DatasetError: If a folder does not follow the layout, or no person of the references has a photo.
        ValueError: If the number of references is negative, or there is no folder of them.
    """

    def __init__(
        self,
        name: str,
        root: str,
        references: str | None = None,
        size_px: SizePx = 112,
        num_references: int = 0,
    ) -> None:
        super().__init__(name)
        if num_references < 0 or (num_references and references is None):
            raise ValueError(f"{name}: num_references={num_references} needs a folder of references, or is negative")
        self.paths = tuple(Path(folder) for folder in (root, references) if folder is not None)
        self.root, self.references_root = root, references
        self.size_px, self.num_references = size_px, num_references

    @cached_property
    def images(self) -> FaceSource:
        """The photos."""
        if self.num_references and self.references_root is not None:
            return ReferencedPhotos(self.root, self.references_root, self.num_references, self.size_px)
        return FolderDataset(self.root, self.size_px)

    @cached_property
    def references(self) -> FolderDataset | None:
        """The clean pictures."""
        return None if self.references_root is None else FolderDataset(self.references_root, self.size_px)

    @cached_property
    def reference_labels(self) -> NDArray[np.int64]:
        """Label of each clean picture by which likeness is judged, among the people of the photos; -1 for all others.

        Raises:
            DatasetError: If none of them is among the people of the photos.
        """
        if self.references is None or self.references_root is None:
            return np.empty(0, dtype=np.int64)
        labels = labels_among(self.images.classes, self.references, self.root, self.references_root)
        if isinstance(self.images, ReferencedPhotos):
            shown = [self.images.references_of(label) for label in range(self.images.num_classes)]
            labels[np.concatenate(shown)] = -1
        return labels

    def views(self, batch: Mapping[str, Any], resolutions_px: Sequence[int]) -> dict[str, Any]:
        """Return `lq` float32 (B,3,H,W) in [0,1], `label` and `index`: there is no `image`."""
        photos = {"lq": to_unit_range(batch["image"]), "label": batch["label"], "index": batch["index"]}
        return {**photos, **reference_views(batch)}
