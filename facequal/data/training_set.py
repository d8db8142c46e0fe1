"""The training set as the data module serves it: what is held out of it, and what is added to its items."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facequal.data.sampling.identity_pairs import IdentityPairs
from facequal.data.source import FaceSource
from facequal.data.sources.augmentation import AlbumentationsDataset
from facequal.data.sources.references import ReferencedFaces
from facequal.data.sources.scores import ScoredSource
from facequal.data.sources.splits import IdentitySubset, split_identities


@dataclass(frozen=True)
class HeldOut:
    """Identities of the training set that are held out for validation: no person is on both sides.

    Args:
        identities: How many; 0 holds out none.
        pairs: Pairs drawn from them, half of them of the same person, a multiple of 20.
    """

    identities: int = 0
    pairs: int = 600


@dataclass(frozen=True)
class TrainItems:
    """What the loader's workers add to a training item, or change in it.

    Args:
        quality_scores: `.npy` file of one score per image of `data.train`, for heads that take quality from a file.
        cpu_augmentation: Transforms of albumentations, by name (see `AlbumentationsDataset`).
    """

    quality_scores: str | None = None
    cpu_augmentation: list[dict[str, Any]] | None = None


NOBODY_HELD_OUT = HeldOut()
PLAIN_ITEMS = TrainItems()


class TrainingSet(NamedTuple):
    """What there is to train on.

    Attributes:
        source: The items.
        held_out: The images of the identities held out for validation; None where there are none.
        groups: Group of every image of `source`, int64 (N,); None where batches are not drawn by groups.
        epoch_cells: int64 scalars in shared memory that follow the epoch: draws in the workers depend on it.
    """

    source: FaceSource
    held_out: IdentitySubset | None
    groups: NDArray[np.int64] | None
    epoch_cells: tuple[Tensor, ...]


def make_training_set(
    source: FaceSource,
    *,
    seed: int,
    held_out: HeldOut = NOBODY_HELD_OUT,
    items: TrainItems = PLAIN_ITEMS,
    num_references: int = 0,
    identity_pairs: IdentityPairs | None = None,
) -> TrainingSet:
    """Make the training set of a source: scores beside its images, split, augmentation, references.

    Args:
        source: A data set of faces; files of scores and of groups are in its order.
        seed: Seed of the split and of all draws.
        held_out: Identities to hold out.
        items: What is added to an item, or changed in it.
        num_references: Clean images of the same identity beside every image.
        identity_pairs: How pairs are grouped, if batches are made of pairs.

    Raises:
        ValueError: If there are too few identities to hold out or less than 0 references, or a file of scores or of
            groups does not fit the source.

    Example:
        >>> from facequal.procedural import ProceduralFaces
        >>> training = make_training_set(ProceduralFaces(12, images_per_identity=2), seed=0, held_out=HeldOut(2))
        >>> training.source.num_classes, len(training.source), training.held_out.classes
        (10, 20, ['person 00007', 'person 00009'])
    """
    groups = None if identity_pairs is None else identity_pairs.groups_of(source)
    if items.quality_scores is not None:
        source = ScoredSource(source, items.quality_scores)
    held_out_images = None
    if held_out.identities:
        source, held_out_images = split_identities(source, held_out.identities, seed)
        groups = None if groups is None else groups[source.positions]
    epoch_cells = []
    if items.cpu_augmentation:
        source = AlbumentationsDataset(source, items.cpu_augmentation, seed)
        epoch_cells.append(source.epoch)
    if num_references:
        source = ReferencedFaces(source, num_references, seed)
        epoch_cells.append(source.epoch)
    return TrainingSet(source, held_out_images, groups, tuple(epoch_cells))
