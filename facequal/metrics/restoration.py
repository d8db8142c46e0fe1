"""How near restored pictures come to the clean ones: PSNR and SSIM, one figure per picture."""

from typing import Literal

import torch
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

from facequal.choices import require_choice

Channels = Literal["rgb", "y"]

_LUMA = (65.481 / 255.0, 128.553 / 255.0, 24.966 / 255.0)  # ITU-R BT.601, as MATLAB's rgb2ycbcr
_BLACK = 16.0 / 255.0


def psnr(restored: Tensor, clean: Tensor, channels: Channels = "rgb") -> Tensor:
    """Return the peak signal-to-noise ratio, 10 log10(1 / MSE) with the mean over all pixels and channels of a picture.

    Args:
        restored: float (B,3,H,W), RGB; values beyond [0,1] are clamped.
        clean: float (B,3,H,W), RGB in [0,1].
        channels: "rgb", or "y" for the luma alone.

    Returns:
        float64 (B,) in dB; infinite for equal pictures.

    Raises:
        ValueError: If the shapes differ or are no RGB pictures, or `channels` is unknown.

    >>> clean = torch.full((1, 3, 8, 8), 0.4)
    >>> psnr(clean + 0.2, clean)  # 10 log10(1 / 0.2^2)
    tensor([13.9794], dtype=torch.float64)
    """
    restored, clean = _as_shown(restored, clean, channels)
    return -10.0 * (restored - clean).square().mean(dim=(1, 2, 3)).log10()


def ssim(restored: Tensor, clean: Tensor, channels: Channels = "rgb") -> Tensor:
    """Return the structural similarity (Wang et al. 2004), mean over pixels and channels; torchmetrics does the work.

    The picture is mirrored about its border, where the authors' code leaves out the five pixels there: a difference of
    about 1e-4 on photographs.

    Args:
        restored: float (B,3,H,W), RGB; values beyond [0,1] are clamped.
        clean: float (B,3,H,W), RGB in [0,1]; at least 11 pixels wide and high.
        channels: "rgb", or "y" for the luma alone.

    Returns:
        float64 (B,), at most 1.

    Raises:
        ValueError: If the shapes differ, are no RGB pictures or smaller than the window, or `channels` is unknown.

    >>> clean = torch.eye(16).expand(1, 3, 16, 16)
    >>> ssim(clean, clean), bool(ssim(clean / 2, clean) < 1)
    (tensor([1.], dtype=torch.float64), True)
    """
    if min(clean.shape[-2:]) < 11:
        raise ValueError(f"SSIM has a window of 11x11 pixels, the pictures are {tuple(clean.shape)}")
    restored, clean = _as_shown(restored, clean, channels)
    if not len(clean):
        return clean.new_empty(0)
    # float32 on the CPU, where float64 costs twice as much; convolutions on a GPU may be less precise than float32
    dtype = torch.float32 if clean.device.type == "cpu" else torch.float64
    values = structural_similarity_index_measure(
        restored.to(dtype), clean.to(dtype), gaussian_kernel=True, sigma=1.5, data_range=1.0, reduction="none"
    )
    assert isinstance(values, Tensor)
    return values.double()


def _as_shown(restored: Tensor, clean: Tensor, channels: Channels) -> tuple[Tensor, Tensor]:
    """Return both pictures as a screen would show them, float64 (B,C,H,W)."""
    if restored.shape != clean.shape or clean.ndim != 4 or clean.shape[1] != 3:
        raise ValueError(
            f"need two batches of RGB pictures (B,3,H,W), got {tuple(restored.shape)}, {tuple(clean.shape)}"
        )
    require_choice("channels", channels, Channels)
    pictures = [images.detach().double().clamp(0.0, 1.0).mul(255.0).round().div(255.0) for images in (restored, clean)]
    if channels == "y":
        luma = torch.tensor(_LUMA, dtype=torch.float64, device=clean.device)
        pictures = [torch.einsum("bchw,c->bhw", images, luma).unsqueeze(1) + _BLACK for images in pictures]
    return pictures[0], pictures[1]
