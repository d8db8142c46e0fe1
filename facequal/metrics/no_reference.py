"""Quality of pictures without clean ones to compare with: sharpness, noise, blocks, contrast and brightness.

All are of the luma Y = .299 R + .587 G + .114 B in [0,1] and one figure per picture. None of them knows what a face is:
noise is sharp, and a flat picture has no noise. Read them together.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

_LUMA = (0.299, 0.587, 0.114)
_LAPLACIAN = ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0))
_IMMERKAER = ((1.0, -2.0, 1.0), (-2.0, 4.0, -2.0), (1.0, -2.0, 1.0))
_BLOCK_PX = 8


def sharpness(images: Tensor) -> Tensor:
    """Variance of the Laplacian: OpenCV's `Laplacian(grey).var()` for values in [0,1] instead of 0..255.

    Args:
        images: float RGB (B,3,H,W) in [0,1], at least 3x3.

    Returns:
        float64 (B,), at least 0.

    Raises:
        ValueError: The images are not such a batch.
    """
    edges = _filter(F.pad(luma(images), (1, 1, 1, 1), mode="reflect"), _LAPLACIAN)
    return edges.flatten(1).var(dim=1, correction=0)


def noise_sigma(images: Tensor) -> Tensor:
    """Standard deviation of the noise after Immerkaer, "Fast noise variance estimation" (1996).

    sigma = sqrt(pi / 2) / 6 mean |Y * N| with a mask N that is blind to planes; fine texture counts as noise.

    Args:
        images: float RGB (B,3,H,W) in [0,1], at least 3x3.

    Returns:
        float64 (B,), at least 0: that of the luma.

    Raises:
        ValueError: The images are not such a batch.
    """
    response = _filter(luma(images), _IMMERKAER)
    mean: Tensor = response.abs().flatten(1).mean(dim=1)
    return mean * (math.sqrt(math.pi / 2) / 6.0)


def blockiness(images: Tensor) -> Tensor:
    """Steps between neighbours across the borders of JPEG's 8x8 blocks over those within blocks, minus 1.

    Args:
        images: float RGB (B,3,H,W) in [0,1], more than 8 pixels wide and high; blocks begin in the top left corner.

    Returns:
        float64 (B,): 0 where borders are like all else, 1 where steps across them are twice as large; 0 for flat
        pictures.

    Raises:
        ValueError: The images are not such a batch.
    """
    grey = luma(images, smallest_px=_BLOCK_PX + 1)
    across, within = grey.new_zeros(len(grey)), grey.new_zeros(len(grey))
    for dim in (2, 3):
        steps = grey.diff(dim=dim).abs()
        is_border = torch.arange(1, grey.shape[dim], device=grey.device) % _BLOCK_PX == 0
        places = torch.arange(len(is_border), device=grey.device)
        across += steps.index_select(dim, places[is_border]).mean(dim=(1, 2, 3))
        within += steps.index_select(dim, places[~is_border]).mean(dim=(1, 2, 3))
    return torch.where(within > 1e-9, across / within.clamp_min(1e-9) - 1.0, 0.0)


def contrast(images: Tensor) -> Tensor:
    """RMS contrast: the standard deviation of the luma, float64 (B,); images as for `sharpness`."""
    return luma(images).flatten(1).std(dim=1, correction=0)


def brightness(images: Tensor) -> Tensor:
    """Mean of the luma, float64 (B,); images as for `sharpness`."""
    return luma(images).flatten(1).mean(dim=1)


SCORES = {
    "sharpness": sharpness,
    "noise": noise_sigma,
    "blockiness": blockiness,
    "contrast": contrast,
    "brightness": brightness,
}


def luma(images: Tensor, smallest_px: int = 3) -> Tensor:
    """Y of BT.601 without its offset, float64 (B,1,H,W) in [0,1]; values beyond the range are clamped.

    Raises:
        ValueError: The images are no RGB (B,3,H,W), or a side is shorter than `smallest_px`.
    """
    if images.ndim != 4 or images.shape[1] != 3 or min(images.shape[-2:]) < smallest_px:
        raise ValueError(f"need RGB pictures (B,3,H,W) of at least {smallest_px} pixels, got {tuple(images.shape)}")
    weights = torch.tensor(_LUMA, dtype=torch.float64, device=images.device)
    return torch.einsum("bchw,c->bhw", images.detach().double().clamp(0.0, 1.0), weights).unsqueeze(1)


def _filter(grey: Tensor, mask: tuple[tuple[float, ...], ...]) -> Tensor:
    return F.conv2d(grey, torch.tensor(mask, dtype=grey.dtype, device=grey.device).view(1, 1, 3, 3))
