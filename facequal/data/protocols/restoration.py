"""Degraded test sets as data: which clean images, and in which ways each is degraded."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from facequal.data.errors import DataError
from facequal.data.protocols.base import EvaluationProtocol
from facequal.data.source import FaceSource, require_source
from facequal.data.sources.references import OtherImages, read_references
from facequal.data.sources.wrapped import WrappedSource
from facequal.data.views import reference_views, to_unit_range, with_classes
from facequal.degradations.base import Degradation, Params
from facequal.degradations.draws import Keys
from facequal.degradations.suites import as_from_a_file, restoration_suite

NUM_IMAGES = 100


class DegradedSet(EvaluationProtocol):
    """Clean images of a source, each degraded in several rows on the device.

    The images are `num_images` of the source, evenly spaced in the order of identities: with enough people, who have
    about as many images each, they show different ones. A picture depends on its image's number and its row alone, so
    with `images` the first ones are those of the whole set.

    Args:
        name: How the results are called.
        faces: The source, of people who are not trained on.
        num_rows: Pictures made of each image.
        num_images: Clean images of the set.
        images: How many of them are used, for short runs; None uses all.
        num_references: Clean images of the same person that come with every picture, at most; none of them is an
            image of the test or of the gallery.

    Raises:
        TypeError: If `faces` is no data set of faces.
        ValueError: If there are fewer images than asked for, or the number of references is negative.
    """

    def __init__(
        self, name: str, faces: object, num_rows: int, num_images: int, images: int | None, num_references: int = 0
    ) -> None:
        super().__init__(name)
        if num_references < 0:
            raise ValueError(f"{name}: num_references must be at least 0, got {num_references}")
        self.num_references = num_references
        self.faces: FaceSource = require_source(faces, f"{name}: faces")
        self.num_rows = num_rows
        if not 1 <= num_images <= len(self.faces):
            raise ValueError(f"{name}: num_images={num_images}, but the source has {len(self.faces)} images")
        if images is not None and not 1 <= images <= num_images:
            raise ValueError(f"{name}: images={images} is not between 1 and num_images={num_images}")
        by_identity = np.argsort(self.faces.labels, kind="stable")
        self.all_chosen: NDArray[np.int64] = by_identity[np.arange(num_images) * len(self.faces) // num_images]
        self.chosen = self.all_chosen[:images]

    @abstractmethod
    def degrade(self, images: Tensor, number: Tensor, row: Tensor) -> tuple[Tensor, Params]:
        """Degrade images (B,3,H,W), float32 in [0,1], by the numbers of the images and of the rows, int64 (B,)."""

    @cached_property
    def gallery(self) -> NDArray[np.int64]:
        """Positions in the source of one clean image per person, none of them an image of the whole test.

        The people of the test images are searched among all people of the source. One whose images are all in the test
        is not in the gallery, nor are images of unknown people (label -1).
        """
        labels = np.asarray(self.faces.labels)
        others = np.setdiff1d(np.flatnonzero(labels >= 0), self.all_chosen)
        return others[np.unique(labels[others], return_index=True)[1]]

    @cached_property
    def images(self) -> FaceSource:
        """The chosen images, each as often as there are rows: item i is row i % rows of image i // rows."""
        return RepeatedImages(self.faces, self.chosen, self.num_rows, self.references, self.num_references)

    @cached_property
    def references(self) -> list[NDArray[np.int64]]:
        """Positions in the source of each chosen image's references, the first ones there are."""
        if self.num_references == 0:
            return []
        taken, others = np.union1d(self.all_chosen, self.gallery), OtherImages(self.faces.labels)
        return [np.setdiff1d(others.of(position), taken)[: self.num_references] for position in self.chosen.tolist()]

    def views(self, batch: Mapping[str, Any], resolutions_px: Sequence[int]) -> dict[str, Any]:
        """Return `image` and `lq` float32 (B,3,H,W) in [0,1], `label`, `index`, and what was drawn.

        That is `degradation`, and `classes` as in `with_classes`.
        """
        clean = to_unit_range(batch["image"])
        degraded, drawn = self.degrade(clean, batch["index"] // self.num_rows, batch["index"] % self.num_rows)
        kept = {"label": batch["label"], "index": batch["index"]}
        return with_classes({"image": clean, "lq": degraded, "degradation": drawn, **kept, **reference_views(batch)})


class RestorationSet(DegradedSet):
    """A suite on clean images of any source.

    Args:
        faces: The source, of people who are not trained on.
        suite: "Test-B", "Test-N", "Test-L", "Test-BN" or "Test-BNL".
        num_images: Clean images of the test; the paper has 100.
        images: How many of them are used, for short runs; None uses all.
        name: How the results are called; None takes the suite's name.
        num_references: As in `DegradedSet`.

    Raises:
        TypeError: If `faces` is no data set of faces.
        ValueError: If the suite is unknown, or there are fewer images than asked for.
    """

    def __init__(
        self,
        faces: Dataset,  # type: ignore[type-arg]  # jsonargparse takes no sub-class of a parametrised Dataset[...]
        suite: str = "Test-BNL",
        num_images: int = NUM_IMAGES,
        images: int | None = None,
        name: str | None = None,
        num_references: int = 0,
    ) -> None:
        self.suite = restoration_suite(suite)
        super().__init__(name or suite, faces, self.suite.num_rows, num_images, images, num_references)

    def degrade(self, images: Tensor, number: Tensor, row: Tensor) -> tuple[Tensor, Params]:
        """Return the suite's pictures."""
        return self.suite.degrade(images, number, row)


class MixtureSet(DegradedSet):
    """Clean images of any source under a degradation with random draws, the same in every run.

    Args:
        faces: The source, of people who are not trained on.
        degradation: The degradation, such as that of the training.
        num_images: Clean images.
        num_draws: Pictures made of each image.
        images: How many of the images are used, for short runs; None uses all.
        seed: Seed of the draws.
        name: How the results are called.
        num_references: As in `DegradedSet`.

    Raises:
        TypeError: If `faces` is no data set of faces.
        ValueError: If there are fewer images than asked for, or `num_draws` is below 1.
    """

    def __init__(
        self,
        faces: Dataset,  # type: ignore[type-arg]  # jsonargparse takes no sub-class of a parametrised Dataset[...]
        degradation: Degradation,
        num_images: int = NUM_IMAGES,
        num_draws: int = 10,
        images: int | None = None,
        seed: int = 0,
        name: str = "mixture",
        num_references: int = 0,
    ) -> None:
        if num_draws < 1:
            raise ValueError(f"{name}: num_draws must be at least 1, got {num_draws}")
        super().__init__(name, faces, num_draws, num_images, images, num_references)
        self.degradation, self.seed = degradation, seed

    def degrade(self, images: Tensor, number: Tensor, row: Tensor) -> tuple[Tensor, Params]:
        """Return degradation with draws named by image and row, rounded to 8 bit as if the picture came from a file."""
        keys = Keys(number * self.num_rows + row, seed=self.seed).fold("mixture")
        degraded, drawn = self.degradation(images, keys)
        return as_from_a_file(degraded), drawn


class RepeatedImages(WrappedSource):
    """Some images of a source, each several times in a row; the last one decoded is kept.

    Args:
        faces: The source.
        chosen: Positions of the images in the source, int64 (N,).
        num_rows: How often each is repeated.
        references: Positions of each image's references in the source; empty without references.
        num_references: Most references of an image.

    Raises:
        DataError: If the images have several sizes; the message names two of them. Raised when an image is read.
    """

    def __init__(
        self,
        faces: FaceSource,
        chosen: NDArray[np.int64],
        num_rows: int,
        references: Sequence[NDArray[np.int64]] = (),
        num_references: int = 0,
    ) -> None:
        super().__init__(faces, np.repeat(chosen, num_rows))
        self.num_rows, self.references, self.num_references = num_rows, references, num_references
        self.kept: tuple[int, dict[str, Any]] | None = None
        self.shape: tuple[int, ...] | None = None

    def __getitem__(self, index: int) -> dict[str, Any]:
        if not 0 <= index < len(self):
            raise IndexError(f"picture {index} of {len(self)}")
        number = index // self.num_rows
        if self.kept is None or self.kept[0] != number:
            self.kept = number, self._read(index)
        return {**self.kept[1], "label": self.labels.item(index), "index": index}

    def _read(self, index: int) -> dict[str, Any]:
        """Return `image` and, where they are asked for, its `references` and `num_references`."""
        image = self.source[self.position(index)]["image"].contiguous()
        self._require_same_size(image, index)
        if self.num_references == 0:
            return {"image": image}
        references = self.references[index // self.num_rows]
        return {"image": image, **read_references(self.source, references, self.num_references, image)}

    def _require_same_size(self, image: Tensor, index: int) -> None:
        if self.shape is None:
            self.shape = tuple(self.source[self.position(0)]["image"].shape)
        if tuple(image.shape) != self.shape:
            (height, width), (first_height, first_width) = image.shape[1:], self.shape[1:]
            raise DataError(
                f"{self.describe(index)}: {height}x{width} pixels, but {self.describe(0)} has "
                f"{first_height}x{first_width}: give the source a size_px"
            )
