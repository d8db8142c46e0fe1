"""Degraded test sets: which clean images, and in which ways each of them is degraded."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from facequal.data.protocols.base import EvaluationProtocol
from facequal.data.source import FaceSource, require_source
from facequal.data.sources.references import OtherImages, padded_references, require_same_size
from facequal.data.sources.wrapped import WrappedSource
from facequal.data.views import reference_views, to_unit_range, with_classes
from facequal.degradations.base import Degradation, Params
from facequal.degradations.draws import Keys
from facequal.degradations.suites import as_from_a_file, restoration_suite

NUM_IMAGES = 100


class DegradedSet(EvaluationProtocol):
    """Clean images of a source, each degraded in several ways (rows) on the device.

    The clean images are evenly spaced in the source, in the order of identities: with enough people who have about
    equally many images, every image shows another person. A degraded picture depends on the number of its image and
    of its row alone, so a short run (`images`) has the first pictures of the whole set.

    Args:
        name: Name of the set in results.
        faces: A data set of people who are not trained on.
        num_rows: Degraded pictures of each image.
        num_images: Clean images of the whole set.
        images: Clean images that are used, for short runs; None uses all.
        num_references: Most clean images of the same person that come with a picture; none of them is an image of the
            test or of the gallery.

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
        """Degrade images.

        Args:
            images: Clean images, float32 (B,3,H,W) in [0,1].
            number: Number of each image in the set, int64 (B,).
            row: Number of its row, int64 (B,).

        Returns:
            The degraded images, of the same shape and range, and the drawn values by name.
        """

    @cached_property
    def gallery(self) -> NDArray[np.int64]:
        """Positions in the source of one clean image per person, int64 (G,), none of them an image of the whole test.

        People whose images are all in the test are not in the gallery, nor are unknown people (label -1).
        """
        labels = np.asarray(self.faces.labels)
        others = np.setdiff1d(np.flatnonzero(labels >= 0), self.all_chosen)
        return others[np.unique(labels[others], return_index=True)[1]]

    @cached_property
    def images(self) -> FaceSource:
        """The clean images, each once per row: item i is for row i % rows of image i // rows."""
        return RepeatedImages(self.faces, self.chosen, self.num_rows, self.references, self.num_references)

    @cached_property
    def references(self) -> list[NDArray[np.int64]]:
        """Positions in the source of the references of each clean image."""
        if self.num_references == 0:
            return []
        taken, others = np.union1d(self.all_chosen, self.gallery), OtherImages(self.faces.labels)
        return [np.setdiff1d(others.of(position), taken)[: self.num_references] for position in self.chosen.tolist()]

    def views(self, batch: Mapping[str, Any], resolutions_px: Sequence[int]) -> dict[str, Any]:
        """Return `image` and `lq` float32 (B,3,H,W) in [0,1], `label`, `index`, and the drawn values.

        These are `degradation`, and `classes` (see `with_classes`); references come along.
        """
        clean = to_unit_range(batch["image"])
        degraded, drawn = self.degrade(clean, batch["index"] // self.num_rows, batch["index"] % self.num_rows)
        kept = {"label": batch["label"], "index": batch["index"]}
        return with_classes({"image": clean, "lq": degraded, "degradation": drawn, **kept, **reference_views(batch)})


class RestorationSet(DegradedSet):
    """A suite of the NASFE paper on clean images of any source.

    Args:
        faces: See `DegradedSet`.
        suite: "Test-B", "Test-N", "Test-L", "Test-BN" or "Test-BNL".
        num_images: Clean images of the whole set; the paper has 100.
        images: See `DegradedSet`.
        name: Name of the set in results; None takes the suite's name.
        num_references: See `DegradedSet`.

    Raises:
        TypeError: If `faces` is no data set of faces.
        ValueError: If the suite is unknown, or there are fewer images than asked for.

    Example:
        >>> from facequal.procedural import ProceduralFaces
        >>> protocol = RestorationSet(ProceduralFaces(20, images_per_identity=3), "Test-BNL", num_images=10)
        >>> len(protocol.images), protocol.num_rows, protocol.chosen[:3].tolist(), protocol.gallery[:3].tolist()
        (1040, 104, [0, 6, 12], [1, 3, 7])
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
        """Degrade images as the suite's rows say, see `DegradedSet.degrade`."""
        return self.suite.degrade(images, number, row)


class MixtureSet(DegradedSet):
    """Clean images of any source under a degradation with random draws, the same in every run.

    Args:
        faces: See `DegradedSet`.
        degradation: The degradation, such as that of the training.
        num_images: See `DegradedSet`.
        num_draws: Degraded pictures of each image.
        images: See `DegradedSet`.
        seed: Seed of the draws.
        name: Name of the set in results.
        num_references: See `DegradedSet`.

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
        """Degrade images with draws by the numbers of image and row, rounded to 8 bit as if they came from files."""
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
        self.first_image: Tensor | None = None

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
        if self.first_image is None:
            self.first_image = self.source[self.position(0)]["image"]
        require_same_size(self.describe(index), image, self.describe(0), self.first_image)
        if self.num_references == 0:
            return {"image": image}
        references = [self.source[position]["image"] for position in self.references[index // self.num_rows].tolist()]
        return {"image": image, **padded_references(references, self.num_references, image)}
