"""Restoration without learning, to compare with: what a few lines of a well-known library make of a picture."""

import importlib
from abc import ABC, abstractmethod
from typing import Any, Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Baseline(ABC):
    """A way to restore pictures that has not seen clean ones.

    Attributes:
        name: What tables call it, with its settings where they differ from the default.
    """

    name: str

    @abstractmethod
    def __call__(self, images: Tensor) -> Tensor:
        """Restore a batch.

        Args:
            images: float32 RGB (B,3,H,W) in [0,1].

        Returns:
            float32 (B,3,H,W) in [0,1], on the device of `images`.
        """


class GainNormalisation(Baseline):
    """One gain per picture that brings its mean to that of a well-lit face; too bright values are clipped.

    Args:
        mean: Mean of all values wanted, in (0, 1].

    Raises:
        ValueError: If the mean is out of range.

    >>> GainNormalisation(mean=0.45)(torch.full((1, 3, 2, 2), 0.15)).unique()
    tensor([0.4500])
    """

    def __init__(self, mean: float = 0.45) -> None:
        if not 0.0 < mean <= 1.0:
            raise ValueError(f"mean must be in (0, 1], got {mean}")
        self.mean, self.name = mean, "gain" if mean == 0.45 else f"gain to {mean:g}"

    def __call__(self, images: Tensor) -> Tensor:
        """Multiply each picture by mean / its mean; a black one stays black."""
        gain = self.mean / images.mean(dim=(1, 2, 3), keepdim=True).clamp_min(1e-3)
        return (images * gain).clamp(0.0, 1.0)


class HistogramEqualisation(Baseline):
    """OpenCV's `equalizeHist`.

    Args:
        channels: "y" equalises the luma alone, "rgb" every channel for itself, which also shifts colours to grey.

    Raises:
        ValueError: If `channels` is unknown.

    >>> dark = torch.linspace(0.0, 0.2, 256).view(1, 1, 16, 16).expand(1, 3, 16, 16)
    >>> HistogramEqualisation()(dark).max()
    tensor(1.)
    """

    def __init__(self, channels: Literal["y", "rgb"] = "y") -> None:
        if channels not in ("y", "rgb"):
            raise ValueError(f"channels must be 'y' or 'rgb', got {channels!r}")
        self.channels, self.name = channels, f"hist ({channels})"

    def __call__(self, images: Tensor) -> Tensor:
        """Equalise each picture's histogram."""
        return _per_picture(images, self._equalise)

    def _equalise(self, picture: NDArray[np.uint8]) -> NDArray[Any]:
        if self.channels == "rgb":
            return np.stack([cv2.equalizeHist(channel) for channel in np.moveaxis(picture, 2, 0)], axis=2)
        luma = cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb)
        luma[..., 0] = cv2.equalizeHist(luma[..., 0])
        return np.asarray(cv2.cvtColor(luma, cv2.COLOR_YCrCb2RGB))


class CLAHE(Baseline):
    """OpenCV's contrast-limited adaptive histogram equalisation, of the lightness L of CIELAB.

    Args:
        clip_limit: Limit of the contrast.
        tiles: Tiles along each side.
    """

    def __init__(self, clip_limit: float = 4.0, tiles: int = 8) -> None:
        self.clip_limit, self.tiles = clip_limit, tiles
        self.name = "CLAHE" if (clip_limit, tiles) == (4.0, 8) else f"CLAHE {clip_limit:g}, {tiles}"

    def __call__(self, images: Tensor) -> Tensor:
        """Equalise each picture tile by tile."""
        return _per_picture(images, self._equalise)

    def _equalise(self, picture: NDArray[np.uint8]) -> NDArray[Any]:
        lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
        lab[..., 0] = cv2.createCLAHE(self.clip_limit, (self.tiles, self.tiles)).apply(lab[..., 0])
        return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB))


class NonLocalMeans(Baseline):
    """OpenCV's `fastNlMeansDenoisingColored`: about 20 pictures of 112x112 a second.

    Args:
        strength: Strength of the filter for lightness and colour, in steps of 8-bit values.

    >>> noise = 0.05 * torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> NonLocalMeans(strength=20.0)(0.5 + noise).std() < 0.1 * noise.std()
    tensor(True)
    """

    def __init__(self, strength: float = 10.0) -> None:
        self.strength, self.name = strength, "NLM" if strength == 10.0 else f"NLM {strength:g}"

    def __call__(self, images: Tensor) -> Tensor:
        """Denoise each picture."""
        return _per_picture(images, self._denoise)

    def _denoise(self, picture: NDArray[np.uint8]) -> NDArray[Any]:
        return np.asarray(cv2.fastNlMeansDenoisingColored(picture, None, self.strength, self.strength, 7, 21))


class BM3D(Baseline):
    """Block-matching and 3D filtering, by the authors' package `bm3d`, whose licence allows no commercial use.

    It is told the noise level of each picture, estimated by `noise_level`.

    Raises:
        ImportError: If the package is not installed: `pip install facequal[bm3d]`.
    """

    name = "BM3D"

    def __init__(self) -> None:
        try:
            self.bm3d = importlib.import_module("bm3d").bm3d_rgb
        except ImportError as error:
            raise ImportError("BM3D needs the package bm3d: pip install 'facequal[bm3d]'") from error

    def __call__(self, images: Tensor) -> Tensor:
        """Denoise each picture."""
        pictures = images.permute(0, 2, 3, 1).cpu().double().numpy()
        denoised = np.stack([self.bm3d(picture, noise_level(picture)) for picture in pictures])
        return torch.from_numpy(denoised).permute(0, 3, 1, 2).to(images).clamp(0.0, 1.0)


def noise_level(picture: NDArray[np.float64]) -> float:
    """Estimate the standard deviation of the noise of a picture (H,W,3) by the median finest Haar detail (Donoho).

    sigma = median |d| / .6745 of every colour and each of the four ways to take every second pixel, and the root mean
    square of these: between neighbours a camera's demosaic has filled in values, so that they differ three times less
    than the noise.

    >>> noise_level(0.5 + 0.1 * np.random.default_rng(0).standard_normal((64, 64, 3))).__round__(2)
    0.1
    """
    levels = []
    for top, left in ((0, 0), (0, 1), (1, 0), (1, 1)):
        part = picture[top::2, left::2]
        height, width = (side // 2 * 2 for side in part.shape[:2])
        p = part[:height, :width]
        detail = (p[::2, ::2] - p[1::2, ::2] - p[::2, 1::2] + p[1::2, 1::2]) / 2.0
        levels.append(np.median(np.abs(detail), axis=(0, 1)) / 0.6745)
    return max(float(np.sqrt(np.mean(np.square(levels)))), 1e-3)


def _per_picture(images: Tensor, restore: Any) -> Tensor:
    """Apply a function of uint8 (H,W,3) to each picture on the CPU."""
    pictures = images.clamp(0.0, 1.0).mul(255.0).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().contiguous().numpy()
    restored = np.stack([restore(picture) for picture in pictures]) if len(pictures) else pictures
    return torch.from_numpy(restored).permute(0, 3, 1, 2).to(images).div_(255.0)
