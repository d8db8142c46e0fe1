"""Augmentation in the loader's workers, with the transforms of albumentations."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from facequal.data.source import FaceSource
from facequal.data.sources.wrapped import WrappedSource, epoch_cell


def sample_seed(seed: int, epoch: int, index: int) -> int:
    """Return a 32-bit seed that depends on nothing but its arguments.

    Example:
        >>> sample_seed(0, 0, 1), sample_seed(0, 1, 0)
        (445697578, 306705043)
    """
    digest = hashlib.blake2b(f"{seed}/{epoch}/{index}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little")


class AlbumentationsDataset(WrappedSource):
    """A source whose images pass through albumentations, seeded for every sample.

    albumentations 2 repeats the same draws in every worker and epoch. Seeding the pipeline from (seed, epoch, index)
    before each image makes them differ, and makes them independent of the number of workers.

    Args:
        source: A data set of faces.
        transforms: One mapping per transform: `name` (a class of albumentations) and its arguments, such as
            `{"name": "ImageCompression", "quality_range": [60, 95], "p": 0.5}`.
        seed: Seed of the draws.

    Attributes:
        epoch: int64 scalar in shared memory: the epoch of the draws, also in the workers of a loader.

    Raises:
        ValueError: If a transform has no name or albumentations has no transform of that name.
    """

    def __init__(self, source: FaceSource, transforms: Sequence[Mapping[str, Any]], seed: int) -> None:
        super().__init__(source)
        self.seed, self.epoch = seed, epoch_cell()
        self.compose = build_compose(transforms)

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = super().__getitem__(index)
        self.compose.set_random_seed(sample_seed(self.seed, int(self.epoch), index))
        augmented = self.compose(image=item["image"].permute(1, 2, 0).numpy())["image"]
        return {**item, "image": torch.from_numpy(augmented).permute(2, 0, 1).contiguous()}


def build_compose(transforms: Sequence[Mapping[str, Any]]) -> Any:
    """Return an `albumentations.Compose` of transforms by name, see `AlbumentationsDataset`.

    Raises:
        ValueError: If a transform has no name or albumentations has no transform of that name.
    """
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would ask the network for a newer version
    import albumentations

    built = []
    for position, transform in enumerate(transforms):
        arguments = dict(transform)
        name = arguments.pop("name", None)
        if name is None or not hasattr(albumentations, name):
            raise ValueError(f"cpu_augmentation[{position}]: albumentations has no transform named {name!r}")
        built.append(getattr(albumentations, name)(**arguments))
    return albumentations.Compose(built)
