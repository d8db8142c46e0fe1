"""The embedded default data set: rendered faces of made-up people."""

import os
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from torch.utils.data import Dataset

from facequal.procedural.appearance import MAX_IMAGES
from facequal.procedural.cache import ImageArray, default_cache_dir, open_or_write
from facequal.procedural.identities import FAMILY_SIZE, MAX_IDENTITY
from facequal.procedural.renderer import RENDERER_VERSION, render_identity, single_threaded


class ProceduralFaces(Dataset[dict[str, Any]]):
    """Faces of made-up people, rendered on first use and read from a cache afterwards.

    Every image is a pure function of (`seed`, identity, image number, `size_px`): sets that overlap agree on the
    common images, and `first_identity` makes disjoint ones, as 0..611 for training and 612..761 for test. Identities
    come in families of six (`FAMILY_SIZE`) that share coarse attributes; family f holds the identities 6f..6f+5.

    Items are dicts: `image` uint8 RGB (3, size_px, size_px), `label` int in 0..num_identities-1, `index` int.
    Images are ordered by identity. The first access renders what the cache lacks, with `torch.get_num_threads` threads.

    Args:
        num_identities: Number of people.
        images_per_identity: Images of each.
        size_px: Height and width of the images.
        seed: Seed of all draws; another seed gives other people.
        first_identity: Number of the first person.
        cache_dir: Folder of the rendered arrays; None takes `$XDG_CACHE_HOME/facequal` or `~/.cache/facequal`.

    Attributes:
        num_classes: Number of people.
        labels: Identity of every image relative to `first_identity`, int64 (N,).
        families: Family of every image, int64 (N,); its number does not depend on `first_identity`.
        classes: Name of every person.
        path: File of the rendered array.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> faces = ProceduralFaces(num_identities=3, images_per_identity=2, first_identity=4)
        >>> faces.labels.tolist(), faces.families.tolist(), faces.classes
        ([0, 0, 1, 1, 2, 2], [0, 0, 0, 0, 1, 1], ['person 00004', 'person 00005', 'person 00006'])
    """

    def __init__(
        self,
        num_identities: int = 612,
        images_per_identity: int = 16,
        size_px: int = 112,
        seed: int = 0,
        first_identity: int = 0,
        cache_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        _require("num_identities", num_identities, 1, MAX_IDENTITY)
        _require("images_per_identity", images_per_identity, 1, MAX_IMAGES)
        _require("size_px", size_px, 16, 1024)
        _require("seed", seed, 0, 2**32 - 1)
        _require("first_identity", first_identity, 0, MAX_IDENTITY - num_identities)
        self.images_per_identity, self.size_px, self.seed = images_per_identity, size_px, seed
        self.first_identity, self.num_classes = first_identity, num_identities
        self.labels: NDArray[np.int64] = np.repeat(np.arange(num_identities, dtype=np.int64), images_per_identity)
        self.families: NDArray[np.int64] = (self.labels + first_identity) // FAMILY_SIZE
        self.classes = [f"person {first_identity + label:05d}" for label in range(num_identities)]
        last_identity = first_identity + num_identities - 1
        name = (
            f"faces-v{RENDERER_VERSION}-seed{seed}-identities{first_identity}to{last_identity}"
            f"-{images_per_identity}images-{size_px}px.npy"
        )
        folder = default_cache_dir() if cache_dir is None else Path(cache_dir).expanduser()
        self.path = folder / "procedural" / name
        self._images: ImageArray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, Any]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} is out of range for {len(self)} procedural faces")
        index = int(index) % len(self)
        return {
            "image": torch.from_numpy(self.images[index].copy()),
            "label": int(self.labels[index]),
            "index": index,
        }

    @property
    def images(self) -> ImageArray:
        """All images, uint8 RGB (N, 3, size_px, size_px), memory-mapped; rendered first where the cache lacks them.

        Raises:
            OSError: If the cache folder cannot be written.
        """
        if self._images is None:
            self._images = open_or_write(self.path, (len(self), 3, self.size_px, self.size_px), self._render)
        return self._images

    def describe(self, index: int) -> str:
        """Return what an error message names, as `procedural face: person 00613, image 2, seed 0`."""
        person = self.classes[self.labels[index]]
        return f"procedural face: {person}, image {index % len(self) % self.images_per_identity}, seed {self.seed}"

    def __getstate__(self) -> dict[str, Any]:
        """Return all but the images: a process that receives the set maps the file anew."""
        return {**self.__dict__, "_images": None}

    def _render(self) -> Generator[ImageArray, None, None]:
        """Yield the images of one identity after another, rendered by threads: torch releases Python's lock."""
        people = range(self.first_identity, self.first_identity + self.num_classes)

        def render(identity: int) -> ImageArray:
            return render_identity(identity, self.images_per_identity, self.size_px, self.seed).numpy()

        num_threads = torch.get_num_threads()
        with single_threaded(), ThreadPoolExecutor(num_threads) as pool:
            title, console = f"rendering {len(self)} faces", Console(stderr=True)
            yield from track(
                pool.map(render, people), title, total=len(people), console=console, disable=not console.is_terminal
            )


def _require(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name}={value}: must be in {low}..{high}")
