"""Losses on the features of a frozen network: does a restored picture look like the clean one, and like the person?"""

import torch
from torch import Tensor


def perceptual_loss(restored: Tensor, clean: Tensor, p: int = 1) -> Tensor:
    """Return mean |F(x_hat) - F(x)|^p over all entries of the features (NASFE's L_per prints 1/NHW and no square: p = 1).

    Args:
        restored: float (B,C,h,w), features of the restored pictures.
        clean: float (B,C,h,w), features of the clean ones.
        p: 1 or 2.

    Returns:
        float32 (B,).

    Raises:
        ValueError: If p is neither, or the shapes differ.
    """
    if p not in (1, 2):
        raise ValueError(f"p must be 1 or 2, got {p}")
    if restored.shape != clean.shape:
        raise ValueError(f"features of restored and clean pictures differ: {restored.shape}, {clean.shape}")
    difference = (restored.float() - clean.float()).abs()
    return (difference if p == 1 else difference.square()).flatten(1).mean(dim=1)


def identity_loss(restored: Tensor, references: Tensor, num_references: Tensor) -> Tensor:
    """Return mean angle between the features of a restored picture and those of clean pictures of the person.

    Features are one unit vector per picture: the paper says nothing of a norm, but takes an angle. The angle is
    2 atan2(|u - v|, |u + v|), which is that of acos(<u, v>) and has a finite gradient everywhere.

    Args:
        restored: float (B,C,h,w).
        references: float (B,n,C,h,w).
        num_references: int64 (B,), how many of the n count, the first ones.

    Returns:
        float32 (B,), in radians; 0 where there is no reference.
    """
    u = _unit(restored.float().flatten(1)).unsqueeze(1)
    v = _unit(references.float().flatten(2))
    apart, together = (u - v), (u + v)
    angle = 2.0 * torch.atan2(_length(apart), _length(together))
    places = torch.arange(references.shape[1], device=references.device)
    counted = places < num_references[:, None]
    return (angle * counted).sum(dim=1) / num_references.clamp_min(1)


def _unit(vectors: Tensor) -> Tensor:
    return vectors / _length(vectors).unsqueeze(-1)


def _length(vectors: Tensor) -> Tensor:
    """Return norms over the last axis whose gradient at 0 is 0, not NaN."""
    return (vectors.square().sum(-1) + 1e-12).sqrt()
