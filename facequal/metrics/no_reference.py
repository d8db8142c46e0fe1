"""Quality of pictures without clean ones to compare with: sharpness, noise, blocks, contrast and brightness.

All are of the luma Y = .299 R + .587 G + .114 B in [0,1] and one figure per picture. None of them knows what a face is:
noise is sharp, and a flat picture has no noise. Read them together.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

_LUMA = (0.299, 0.587, 0.114)
_BLOCK_PX = 8


def sharpness(images: Tensor) -> Tensor:
    """Return the variance of the Laplacian: OpenCV's `Laplacian(grey).var()` for values in [0,1] instead of 0..255.

    Args:
        images: float RGB (B,3,H,W) in [0,1], at least 3x3.

    Returns:
        float64 (B,), at least 0.

    Raises:
        ValueError: If the images are not such a batch.

    >>> edge = torch.cat([torch.zeros(1, 3, 8, 4), torch.ones(1, 3, 8, 4)], dim=3)
    >>> sharpness(edge), sharpness(edge / 2)
    (tensor([0.2500], dtype=torch.float64), tensor([0.0625], dtype=torch.float64))
    """
    return _sharpness(luma(images))


def noise_sigma(images: Tensor) -> Tensor:
    """Estimate the standard deviation of the noise after Immerkaer, "Fast noise variance estimation" (1996).

    sigma = sqrt(pi / 2) / 6 mean |Y * N|, N = (1, -2, 1)^T (1, -2, 1): blind to planes; fine texture counts too.

    Args:
        images: float RGB (B,3,H,W) in [0,1], at least 3x3.

    Returns:
        float64 (B,), at least 0: that of the luma.

    Raises:
        ValueError: If the images are not such a batch.

    >>> noise = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    >>> noise_sigma((0.5 + 0.1 * noise).expand(1, 3, 64, 64)).round(decimals=2)
    tensor([0.1000], dtype=torch.float64)
    """
    return _noise_sigma(luma(images))


def blockiness(images: Tensor) -> Tensor:
    """Return the ratio of steps between neighbours across the borders of JPEG's 8x8 blocks to those within, minus 1.

    Args:
        images: float RGB (B,3,H,W) in [0,1], more than 8 pixels wide and high; blocks begin in the top left corner.

    Returns:
        float64 (B,): 0 where borders are like all else, 1 where steps across them are twice as large; 0 for flat
        pictures.

    Raises:
        ValueError: If the images are not such a batch.

    >>> ramp = torch.arange(16) + (torch.arange(16) >= 8)  # 1 from pixel to pixel, 2 across the border of blocks
    >>> blockiness((ramp / 20).expand(1, 3, 16, 16)).round(decimals=4)
    tensor([1.], dtype=torch.float64)
    """
    return _blockiness(luma(images, smallest_px=_BLOCK_PX + 1))


def contrast(images: Tensor) -> Tensor:
    """Return RMS contrast: the standard deviation of the luma, float64 (B,); images as for `sharpness`.

    >>> contrast(torch.tensor([0.2, 0.4, 0.4, 0.2]).expand(1, 3, 4, 4)).round(decimals=4)
    tensor([0.1000], dtype=torch.float64)
    """
    return _contrast(luma(images))


def brightness(images: Tensor) -> Tensor:
    """Return the mean of the luma, float64 (B,); images as for `sharpness`.

    >>> brightness(torch.full((1, 3, 4, 4), 0.25))
    tensor([0.2500], dtype=torch.float64)
    """
    return _brightness(luma(images))


SCORES = {
    "sharpness": sharpness,
    "noise": noise_sigma,
    "blockiness": blockiness,
    "contrast": contrast,
    "brightness": brightness,
}


def no_reference_scores(images: Tensor) -> dict[str, Tensor]:
    """Return all measures by name, each float64 (B,), in the time of one luma.

    Args:
        images: float RGB (B,3,H,W) in [0,1], more than 8 pixels wide and high.

    Raises:
        ValueError: If the images are not such a batch.

    >>> list(no_reference_scores(torch.zeros(2, 3, 16, 16)))
    ['sharpness', 'noise', 'blockiness', 'contrast', 'brightness']
    """
    grey = luma(images, smallest_px=_BLOCK_PX + 1)
    return {name: score(grey) for name, score in _OF_LUMA.items()}


def luma(images: Tensor, smallest_px: int = 3) -> Tensor:
    """Return the luma Y of BT.601 without its offset, float64 (B,1,H,W) in [0,1]; values beyond the range are clamped.

    Raises:
        ValueError: If the images are no RGB (B,3,H,W), or a side is shorter than `smallest_px`.
    """
    check_pictures(images, smallest_px)
    weights = torch.tensor(_LUMA, dtype=torch.float64, device=images.device)
    return (weights @ images.detach().clamp(0.0, 1.0).double().flatten(2)).view(-1, 1, *images.shape[-2:])


def check_pictures(images: Tensor, smallest_px: int) -> None:
    """Refuse what is no batch of pictures.

    Raises:
        ValueError: If the images are no RGB (B,3,H,W), or a side is shorter than `smallest_px`.
    """
    if images.ndim != 4 or images.shape[1] != 3 or min(images.shape[-2:]) < smallest_px:
        raise ValueError(f"need RGB pictures (B,3,H,W) of at least {smallest_px} pixels, got {tuple(images.shape)}")


def _sharpness(grey: Tensor) -> Tensor:
    padded = F.pad(grey, (1, 1, 1, 1), mode="reflect")
    edges = padded[:, :, 1:-1].diff(n=2, dim=3) + padded[..., 1:-1].diff(n=2, dim=2)
    return _variance(edges)


def _noise_sigma(grey: Tensor) -> Tensor:
    mean: Tensor = grey.diff(n=2, dim=2).diff(n=2, dim=3).abs().flatten(1).mean(dim=1)
    return mean * (math.sqrt(math.pi / 2) / 6.0)


def _blockiness(grey: Tensor) -> Tensor:
    across, within = grey.new_zeros(len(grey)), grey.new_zeros(len(grey))
    for dim in (2, 3):
        steps = grey.diff(dim=dim).abs().mean(dim=(1, 5 - dim))
        is_border = torch.arange(1, grey.shape[dim], device=grey.device) % _BLOCK_PX == 0
        across += steps[:, is_border].mean(dim=1)
        within += steps[:, ~is_border].mean(dim=1)
    return torch.where(within > 1e-9, across / within.clamp_min(1e-9) - 1.0, 0.0)


def _contrast(grey: Tensor) -> Tensor:
    return _variance(grey).sqrt()


def _variance(values: Tensor) -> Tensor:
    flat = values.flatten(1)
    return (flat - flat.mean(dim=1, keepdim=True)).square().mean(dim=1)  # torch.var takes three times as long


def _brightness(grey: Tensor) -> Tensor:
    return grey.flatten(1).mean(dim=1)


_OF_LUMA = {
    "sharpness": _sharpness,
    "noise": _noise_sigma,
    "blockiness": _blockiness,
    "contrast": _contrast,
    "brightness": _brightness,
}
