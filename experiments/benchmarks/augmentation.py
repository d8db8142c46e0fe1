"""The augmentations of AdaFace and QGFace on batches against the same image by image."""

import itertools
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from experiments.benchmarks.face_records import faces
from experiments.benchmarks.per_image import albumentations_compose, pillow_opencv, pillow_qgface
from experiments.benchmarks.rows import Row, rates
from experiments.benchmarks.timing import interleaved
from facequal.data.views import to_unit_range
from facequal.degradations import AdaFaceAugmentation, Degradation, Keys, QGFaceAugmentation

RATE_TARGET = 0.5
GPU_TARGET = 50_000.0  # images per second
SHORTEST_S = 0.4  # many batches, since some draw more work than others


def benchmark(quick: bool) -> list[Row]:
    """Return the rows on one core."""
    batch, rounds = (32, 3) if quick else (128, 7)
    return [*rows(batch, rounds), qgface_row(batch, rounds)]


def rows(batch: int, rounds: int) -> list[Row]:
    """Once from images to images, once from uint8 images to the float32 batch that a network takes."""
    images = faces(batch)
    stored = _batch(list(images))
    ready = to_unit_range(stored)
    compose = albumentations_compose()
    seconds = interleaved(
        {
            "ours": _augmenting(ready),
            "pillow": lambda: [pillow_opencv(image) for image in images],
            "albumentations": lambda: [compose(image) for image in images],
            "ours to float": _augmenting(stored),
            "pillow to float": lambda: to_unit_range(_batch([pillow_opencv(image) for image in images])),
            "albumentations to float": lambda: to_unit_range(_batch([compose(image) for image in images])),
        },
        rounds,
        shortest_s=SHORTEST_S,
    )
    speed = {name: rates(values, batch) for name, values in seconds.items()}
    found = []
    for suffix, kinds in (("", "float32 to float32"), (" to float", "uint8 to a float32 batch")):
        what = f"AdaFace augmentation, each p=.2, batches of {batch}, {kinds}"
        per_image = f"per image, {'uint8 to uint8' if not suffix else kinds}"
        for name, library in (("pillow", "Pillow/OpenCV"), ("albumentations", "albumentations")):
            ours, theirs = speed["ours" + suffix], speed[name + suffix]
            found.append(Row(what, f"{library}, {per_image}", ours, theirs, "images/s", "rate", RATE_TARGET))
    return found


def qgface_row(batch: int, rounds: int) -> Row:
    """QGFace's augmentation "Ours", from float32 images to float32 images and from uint8 to uint8."""
    images = faces(batch)
    actions = {
        "ours": _augmenting(to_unit_range(_batch(list(images))), QGFaceAugmentation()),
        "pillow": lambda: [pillow_qgface(image) for image in images],
    }
    seconds = interleaved(actions, rounds, shortest_s=SHORTEST_S)
    ours, theirs = (rates(values, batch) for values in seconds.values())
    what = f'QGFace augmentation "Ours", batches of {batch}, float32 to float32'
    return Row(what, "Pillow, per image, uint8 to uint8", ours, theirs, "images/s", "rate")


def gpu_rows(batches: tuple[int, ...] = (128, 512), rounds: int = 9, device: str = "cuda") -> list[Row]:
    """uint8 on the device to float32 on the device, against a fixed rate."""
    found = []
    for batch in batches:
        stored = _batch(list(faces(min(batch, 64)))).repeat(-(-batch // 64), 1, 1, 1)[:batch].to(device)
        kinds = {
            "AdaFace augmentation, each p=.2": AdaFaceAugmentation(),
            'QGFace augmentation "Ours"': QGFaceAugmentation(),
        }
        actions = {name: _augmenting(stored, augmentation) for name, augmentation in kinds.items()}
        for name, values in interleaved(actions, rounds, device).items():
            what = f"{name}, batches of {batch}, uint8 to float32, GPU"
            target = 1.0 if name.startswith("AdaFace") else None
            fixed = [GPU_TARGET] * rounds
            found.append(Row(what, "a fixed rate", rates(values, batch), fixed, "images/s", "rate", target))
    return found


def _augmenting(images: Tensor, augmentation: Degradation | None = None) -> Callable[[], Tensor]:
    """Return an augmentation (None: AdaFace's) of a batch, uint8 or float32 in [0,1], with new draws at every call."""
    augmentation, epochs = augmentation or AdaFaceAugmentation(), itertools.count()
    index = torch.arange(len(images), device=images.device)

    def augment() -> Tensor:
        unit_range = to_unit_range(images) if images.dtype == torch.uint8 else images
        return augmentation(unit_range, Keys(index, epoch=next(epochs)))[0]

    return augment


def _batch(images: list[NDArray[np.uint8]]) -> Tensor:
    """uint8 (B, 3, H, W)."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()
