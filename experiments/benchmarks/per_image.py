"""Augmentations image by image in uint8: with Pillow and OpenCV, and with albumentations."""

import io
import itertools
import math
import os
import random
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

RGBImage = NDArray[np.uint8]
FILTERS = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_AREA, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)
PILLOW_FILTERS = tuple(Image.Resampling(number) for number in (0, 1, 2, 3, 4))
ENHANCERS = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)


def pillow_opencv(image: RGBImage, p: float = 0.2) -> RGBImage:
    """Crop, low resolution and photometric changes, each with probability p: uint8 RGB (H, W, 3) to the same."""
    if random.random() < p:
        image = zero_pad_crop(image)
    if random.random() < p:
        image = down_up_scale(image)
    if random.random() < p:
        image = photometric(image)
    return image


def zero_pad_crop(image: RGBImage, **_: object) -> RGBImage:
    """Return the box of a RandomResizedCrop, with zeros around it; albumentations passes further arguments."""
    size = image.shape[0]
    top, left, height, width = _box(size)
    cropped = np.zeros_like(image)
    cropped[top : top + height, left : left + width] = image[top : top + height, left : left + width]
    return cropped


def _box(size: int, smallest: float = 0.2) -> tuple[int, int, int, int]:
    for _ in range(10):
        area = random.uniform(smallest, 1.0) * size * size
        ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        width, height = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if width <= size and height <= size:
            return random.randint(0, size - height), random.randint(0, size - width), height, width
    return 0, 0, size, size


def down_up_scale(image: RGBImage) -> RGBImage:
    """Down to between a fifth and the whole of the side and up again, with two filters drawn."""
    height, width = image.shape[:2]
    side = int(random.uniform(0.2, 1.0) * height)
    small = cv2.resize(image, (side, side), interpolation=random.choice(FILTERS))
    large: RGBImage = cv2.resize(small, (width, height), interpolation=random.choice(FILTERS))
    return large


def photometric(image: RGBImage) -> RGBImage:
    """Brightness, contrast and saturation in random order, each by a factor from 0.5 to 1.5."""
    picture = Image.fromarray(image)
    for enhancer in random.sample(ENHANCERS, 3):
        picture = enhancer(picture).enhance(random.uniform(0.5, 1.5))
    return np.asarray(picture)


def pillow_qgface(image: RGBImage, p: float = 0.2) -> RGBImage:
    """QGFace's augmentation: uint8 RGB (H, W, 3) to the same."""
    picture = Image.fromarray(image)
    size = picture.width
    side = int(random.uniform(0.1, 0.5) * size)
    small, file = picture.resize((side, side), random.choice(PILLOW_FILTERS)), io.BytesIO()
    small.save(file, "JPEG", quality=75)
    picture = Image.open(file).resize((size, size), random.choice(PILLOW_FILTERS))
    if random.random() < p:
        top, left, height, width = _box(size, 0.8)
        picture = picture.resize((size, size), Image.Resampling.BILINEAR, (left, top, left + width, top + height))
    if random.random() < p:
        for enhancer in random.sample(ENHANCERS, 3):
            picture = enhancer(picture).enhance(random.uniform(0.8, 1.2))
    if random.random() < p:
        picture = picture.rotate(random.uniform(-45, 45), Image.Resampling.BILINEAR)
    return np.asarray(picture)


def albumentations_compose(p: float = 0.2) -> Callable[[RGBImage], RGBImage]:
    """Return the same in albumentations.

    It has no crop that keeps the place, so ours above runs as its Lambda; and its Downscale has one pair of filters, so
    one is picked out of the 25 pairs.
    """
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would ask the network for a newer version
    import albumentations

    scalings = [
        albumentations.Downscale((0.2, 1.0), {"downscale": down, "upscale": up}, p=1.0)
        for down, up in itertools.product(FILTERS, FILTERS)
    ]
    jitter = albumentations.ColorJitter((0.5, 1.5), (0.5, 1.5), (0.5, 1.5), hue=0.0, p=p)
    compose: Any = albumentations.Compose(
        [albumentations.Lambda(image=zero_pad_crop, p=p), albumentations.OneOf(scalings, p=p), jitter]
    )
    return lambda image: compose(image=image)["image"]
