"""The options of batches of two images per identity, and which people resemble each other."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facequal.data.source import FaceSource


@dataclass(frozen=True)
class IdentityPairs:
    """Training batches of two images per identity, instead of a shuffle of single images.

    Args:
        identities_per_group: Draw batches of groups of this many identities that resemble each other, so that they
            hold hard negatives; None draws from all people alike.
        groups: `.npy` file of one group number per image of `data.train`, an integer, the same for all images of an
            identity; None takes the `families` that the data set itself knows, as `ProceduralFaces` does.

    Raises:
        ValueError: If there is a file of groups, but no number of identities per group.

    Example:
        >>> from facequal.procedural import ProceduralFaces
        >>> IdentityPairs(identities_per_group=3).groups_of(ProceduralFaces(7, images_per_identity=2))
        array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1])
    """

    identities_per_group: int | None = None
    groups: str | None = None

    def __post_init__(self) -> None:
        if self.groups is not None and self.identities_per_group is None:
            raise ValueError(
                f"data.identity_pairs.groups is {self.groups}, but identities_per_group is not set: set both or none"
            )

    def groups_of(self, source: FaceSource) -> NDArray[np.int64] | None:
        """Return the group of every image of a data set, int64 (N,); None where batches are not drawn by groups.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the data set knows no families and there is no file, the file does not hold one integer per
                image, or an identity is in two groups.
        """
        if self.identities_per_group is None:
            return None
        if self.groups is not None:
            origin, groups = self.groups, read_groups(self.groups)
        elif hasattr(source, "families"):
            origin, groups = f"families of {type(source).__name__}", np.asarray(source.families)
        else:
            raise ValueError(
                f"data.identity_pairs: {type(source).__name__} does not know which people resemble each other; give "
                "data.identity_pairs.groups, a .npy file of one group number per image, or leave out "
                "identities_per_group"
            )
        if groups.shape != (len(source),):
            raise ValueError(f"{origin}: groups of shape {groups.shape}, the data set has {len(source)} images")
        require_one_group_each(groups, source, origin)
        return groups.astype(np.int64)


def read_groups(path: str) -> NDArray[np.integer[Any]]:
    """Read a `.npy` file of integers.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is another kind of file, or holds other numbers.
    """
    try:
        groups = np.load(path, allow_pickle=False)
    except ValueError as error:
        raise ValueError(f"{path}: is no .npy file of group numbers: {error}") from error
    if not isinstance(groups, np.ndarray) or not np.issubdtype(groups.dtype, np.integer):
        kind = groups.dtype if isinstance(groups, np.ndarray) else "several arrays"
        raise ValueError(f"{path}: holds {kind}, group numbers must be integers")
    return groups


def require_one_group_each(groups: NDArray[np.integer[Any]], source: FaceSource, origin: str) -> None:
    """Refuse groups that part the images of an identity; those of unknown people do not matter.

    Raises:
        ValueError: If an identity is in two groups; the message names it, `origin` and an image.
    """
    known = np.flatnonzero(source.labels >= 0)
    labels, groups = source.labels[known], groups[known]
    group_of = np.zeros(source.num_classes, dtype=groups.dtype)
    group_of[labels] = groups
    wrong = np.flatnonzero(group_of[labels] != groups)
    if len(wrong):
        label, image = labels[wrong[0]], int(known[wrong[0]])
        raise ValueError(
            f"{origin}: {source.classes[label]} is in two groups, {groups[wrong[0]]} and {group_of[label]} (image "
            f"{image}, {source.describe(image)})"
        )
