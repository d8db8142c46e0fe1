"""A picture as a camera takes it, step by step with OpenCV and NumPy: blur, low light, mosaic, noise, demosaic."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

# By position in `facequal.degradations.sensor.MOSAICS`: the colour of each of 2x2 pixels, and OpenCV's name for it.
COLOURS = ((0, 1, 1, 2), (1, 0, 2, 1), (1, 2, 0, 1), (2, 1, 1, 0))
CODES = (cv2.COLOR_BayerBG2RGB, cv2.COLOR_BayerGB2RGB, cv2.COLOR_BayerGR2RGB, cv2.COLOR_BayerRG2RGB)


@dataclass
class Shot:
    """What is drawn for one picture."""

    kernel: Float
    curve: Float
    inverse: Float
    mosaic: int
    r: float
    sigma_s: float
    sigma_c: float


def photograph(image: Float, shot: Shot, generator: np.random.Generator) -> Float:
    """float32 RGB (H,W,3) in [0,1] to the same."""
    kernel = np.ascontiguousarray(shot.kernel[::-1, ::-1])
    blurred = cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT_101).clip(0.0, 1.0)
    grid = np.linspace(0.0, 1.0, len(shot.curve))
    light = (np.interp(to_mosaic(blurred, shot.mosaic), grid, shot.inverse) * shot.r).astype(np.float32)
    noise = generator.standard_normal(light.shape, dtype=np.float32)
    light = (light + np.sqrt(light * shot.sigma_s**2 + shot.sigma_c**2) * noise).clip(0.0, 1.0)
    # OpenCV fills in mosaics of integers only
    picture = cv2.cvtColor((light * 65535.0).astype(np.uint16), CODES[shot.mosaic]).astype(np.float32) / 65535.0
    return np.interp(picture, grid, shot.curve).astype(np.float32)


def to_mosaic(image: Float, mosaic: int) -> Float:
    """One of three values per pixel, (H,W)."""
    raw = np.empty(image.shape[:2], dtype=np.float32)
    for place, colour in enumerate(COLOURS[mosaic]):
        raw[place // 2 :: 2, place % 2 :: 2] = image[place // 2 :: 2, place % 2 :: 2, colour]
    return raw
