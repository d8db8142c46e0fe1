"""CPU-side augmentation in the loader's workers, for those who need a transform of albumentations."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from facequal.data.source import FaceSource


def sample_seed(seed: int, epoch: int, index: int) -> int:
    """Return a 32-bit seed that depends on nothing but its arguments."""
    digest = hashlib.blake2b(f"{seed}/{epoch}/{index}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little")


class AlbumentationsDataset(Dataset[dict[str, Any]]):
    """A source whose images pass through albumentations, seeded for every sample.

    albumentations 2 repeats the same draws in every worker and epoch. Seeding the pipeline from (seed, epoch, index)
    before each image makes them differ, and makes them independent of the number of workers.

    Args:
        source: A data set of faces.
        transforms: One mapping per transform: `name` (a class of albumentations) and its arguments, such as
            `{"name": "ImageCompression", "quality_range": [60, 95], "p": 0.5}`.
        seed: Seed of the draws.

    Raises:
        ValueError: If a transform has no name or albumentations has no transform of that name.
    """

    def __init__(self, source: FaceSource, transforms: Sequence[Mapping[str, Any]], seed: int) -> None:
        self.source = source
        self.labels, self.num_classes, self.classes = source.labels, source.num_classes, source.classes
        self.seed = seed
        # Shared memory: persistent workers see the epoch that the sampler sets in the main process.
        self.epoch: Tensor = torch.zeros((), dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]
        self.compose = build_compose(transforms)

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = self.source[index]
        self.compose.set_random_seed(sample_seed(self.seed, int(self.epoch), index))
        augmented = self.compose(image=item["image"].permute(1, 2, 0).numpy())["image"]
        return {**item, "image": torch.from_numpy(augmented).permute(2, 0, 1).contiguous()}

    def describe(self, index: int) -> str:
        """Name of an image in error messages."""
        return self.source.describe(index)


def build_compose(transforms: Sequence[Mapping[str, Any]]) -> Any:
    """Build `albumentations.Compose` from names and arguments.

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
