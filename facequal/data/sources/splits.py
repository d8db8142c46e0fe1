"""Parts of a data set of faces: identity-disjoint splits, and images drawn by a seed."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from facequal.data.source import FaceSource, require_source
from facequal.data.sources.wrapped import WrappedSource


class IdentitySubset(WrappedSource):
    """The images of some identities of a source; labels and indices are renumbered from 0.

    Args:
        source: A data set of faces.
        identities: Labels of `source` to keep; the first of them becomes label 0.

    Raises:
        ValueError: If an identity is named twice or is not in the source.

    Example:
        >>> from facequal.procedural import ProceduralFaces
        >>> subset = IdentitySubset(ProceduralFaces(12, images_per_identity=2), [7, 3])
        >>> subset.classes, subset.labels.tolist(), subset.positions.tolist()
        (['person 00007', 'person 00003'], [1, 1, 0, 0], [6, 7, 14, 15])
    """

    positions: NDArray[np.int64]

    def __init__(self, source: FaceSource, identities: Sequence[int] | NDArray[np.int64]) -> None:
        kept = np.asarray(identities, dtype=np.int64)
        if len(np.unique(kept)) != len(kept):
            raise ValueError("an identity subset names an identity more than once")
        if len(kept) and (kept.min() < 0 or kept.max() >= source.num_classes):
            raise ValueError(f"identities must be in 0..{source.num_classes - 1}, got {kept.min()}..{kept.max()}")
        new_label = np.full(source.num_classes, -1, dtype=np.int64)
        new_label[kept] = np.arange(len(kept))
        relabelled = new_label[source.labels]
        super().__init__(source, np.flatnonzero(relabelled >= 0))
        self.labels = relabelled[self.positions]
        self.num_classes = len(kept)
        self.classes = [source.classes[identity] for identity in kept]


def split_identities(source: FaceSource, num_held_out: int, seed: int) -> tuple[IdentitySubset, IdentitySubset]:
    """Split a source by identity, so that no person is on both sides.

    Args:
        source: A data set of faces.
        num_held_out: Identities of the second part, drawn from those with at least two images.
        seed: Seed of the draw.

    Returns:
        The training part and the held-out part.

    Raises:
        ValueError: If fewer than `num_held_out` identities have two images, or fewer than two would remain.

    Example:
        >>> from facequal.procedural import ProceduralFaces
        >>> train, held_out = split_identities(ProceduralFaces(12, images_per_identity=2), 2, seed=0)
        >>> len(train), train.num_classes, held_out.classes
        (20, 10, ['person 00007', 'person 00009'])
    """
    images_per_identity = np.bincount(source.labels, minlength=source.num_classes)
    eligible = np.flatnonzero(images_per_identity >= 2)
    if num_held_out > len(eligible) or source.num_classes - num_held_out < 2:
        raise ValueError(
            f"cannot hold out {num_held_out} identities: {len(eligible)} of {source.num_classes} have two images or "
            "more, and two must remain for training"
        )
    held_out = np.sort(np.random.default_rng(seed).choice(eligible, num_held_out, replace=False))
    remaining = np.setdiff1d(np.arange(source.num_classes), held_out)
    return IdentitySubset(source, remaining), IdentitySubset(source, held_out)


class SampledFaces(WrappedSource):
    """Some images of a source, drawn at random without repetition, in the source's order; labels stay as they are.

    Args:
        faces: A data set of faces.
        num_images: Number of images to draw.
        seed: Seed of the draw.

    Raises:
        TypeError: If `faces` is no data set of faces.
        ValueError: If there are fewer images.

    Example:
        >>> from facequal.procedural import ProceduralFaces
        >>> sample = SampledFaces(ProceduralFaces(12, images_per_identity=2), num_images=4)
        >>> sample.positions.tolist(), sample.labels.tolist(), sample.families.tolist()
        ([6, 11, 14, 17], [3, 5, 7, 8], [0, 0, 1, 1])
    """

    positions: NDArray[np.int64]

    def __init__(
        self,
        faces: Dataset,  # type: ignore[type-arg]  # jsonargparse takes no sub-class of a parametrised Dataset[...]
        num_images: int,
        seed: int = 0,
    ) -> None:
        source = require_source(faces, "faces")
        if not 1 <= num_images <= len(source):
            raise ValueError(f"num_images={num_images}, but the source has {len(source)} images")
        drawn = np.random.default_rng(seed).choice(len(source), num_images, replace=False)
        super().__init__(source, np.sort(drawn))
