"""Quality of pictures without clean ones to compare with: sharpness, noise, blocks, contrast and brightness.

All are of the luma Y = .299 R + .587 G + .114 B in [0,1] and one figure per picture: `no_reference_scores` takes RGB
pictures and computes Y once, each measure takes Y, float64 (B,1,H,W). None of them knows what a face is: noise is
sharp, and a flat picture has no noise. Read them together.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

_LUMA = (0.299, 0.587, 0.114)
_BLOCK_PX = 8


def sharpness(grey: Tensor) -> Tensor:
    """Return the variance of the Laplacian: OpenCV's `Laplacian(grey).var()` for values in [0,1] instead of 0..255.

    Args:
        grey: Luma (B,1,H,W) in [0,1], at least 3x3.

    Returns:
        (B,), at least 0.

    >>> edge = torch.cat([torch.zeros(1, 1, 8, 4), torch.ones(1, 1, 8, 4)], dim=3)
    >>> sharpness(edge), sharpness(edge / 2)
    (tensor([0.2500]), tensor([0.0625]))
    """
    padded = F.pad(grey, (1, 1, 1, 1), mode="reflect")
    edges = padded[:, :, 1:-1].diff(n=2, dim=3) + padded[..., 1:-1].diff(n=2, dim=2)
    return _variance(edges)


def noise_sigma(grey: Tensor) -> Tensor:
    """Estimate the standard deviation of the noise after Immerkaer, "Fast noise variance estimation" (1996).

    sigma = sqrt(pi / 2) / 6 mean |Y * N|, N = (1, -2, 1)^T (1, -2, 1): blind to planes; fine texture counts too.

    Args:
        grey: Luma (B,1,H,W) in [0,1], at least 3x3.

    Returns:
        (B,), at least 0.

    >>> noise = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    >>> noise_sigma(0.5 + 0.1 * noise).round(decimals=2)
    tensor([0.1000])
    """
    mean: Tensor = grey.diff(n=2, dim=2).diff(n=2, dim=3).abs().flatten(1).mean(dim=1)
    return mean * (math.sqrt(math.pi / 2) / 6.0)


def blockiness(grey: Tensor) -> Tensor:
    """Return the ratio of steps between neighbours across the borders of JPEG's 8x8 blocks to those within, minus 1.

    Args:
        grey: Luma (B,1,H,W) in [0,1], more than 8 pixels wide and high; blocks begin in the top left corner.

    Returns:
        (B,): 0 where borders are like all else, 1 where steps across them are twice as large; 0 for flat pictures.

    >>> ramp = torch.arange(16) + (torch.arange(16) >= 8)  # 1 from pixel to pixel, 2 across the border of blocks
    >>> blockiness((ramp / 20).expand(1, 1, 16, 16)).round(decimals=4)
    tensor([1.])
    """
    across, within = grey.new_zeros(len(grey)), grey.new_zeros(len(grey))
    for dim in (2, 3):
        steps = grey.diff(dim=dim).abs().mean(dim=(1, 5 - dim))
        is_border = torch.arange(1, grey.shape[dim], device=grey.device) % _BLOCK_PX == 0
        across += steps[:, is_border].mean(dim=1)
        within += steps[:, ~is_border].mean(dim=1)
    return torch.where(within > 1e-9, across / within.clamp_min(1e-9) - 1.0, 0.0)


def contrast(grey: Tensor) -> Tensor:
    """Return RMS contrast (B,): the standard deviation of the luma (B,1,H,W).

    >>> contrast(torch.tensor([0.2, 0.4, 0.4, 0.2]).expand(1, 1, 4, 4)).round(decimals=4)
    tensor([0.1000])
    """
    return _variance(grey).sqrt()


def brightness(grey: Tensor) -> Tensor:
    """Return the mean (B,) of the luma (B,1,H,W).

    >>> brightness(torch.full((1, 1, 4, 4), 0.25))
    tensor([0.2500])
    """
    return grey.flatten(1).mean(dim=1)


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
    check_pictures(images, _BLOCK_PX + 1)
    grey = luma(images)
    return {name: score(grey) for name, score in SCORES.items()}


def luma(images: Tensor) -> Tensor:
    """Return the luma Y of BT.601 without its offset, float64 (B,1,H,W), of RGB (B,3,H,W) clamped to [0,1]."""
    weights = torch.tensor(_LUMA, dtype=torch.float64, device=images.device)
    return (weights @ images.detach().clamp(0.0, 1.0).double().flatten(2)).view(-1, 1, *images.shape[-2:])


def check_pictures(images: Tensor, smallest_px: int) -> None:
    """Refuse what is no batch of pictures.

    Raises:
        ValueError: If the images are no RGB (B,3,H,W), or a side is shorter than `smallest_px`.
    """
    if images.ndim != 4 or images.shape[1] != 3 or min(images.shape[-2:]) < smallest_px:
        raise ValueError(f"need RGB pictures (B,3,H,W) of at least {smallest_px} pixels, got {tuple(images.shape)}")


def _variance(values: Tensor) -> Tensor:
    flat = values.flatten(1)
    return (flat - flat.mean(dim=1, keepdim=True)).square().mean(dim=1)  # torch.var takes three times as long
