"""NASFE's terms on the features of a frozen network, and a watch over the sizes of all terms.

Does a restored picture look like the clean one (`perceptual_loss`), and like the person (`identity_loss`)?
"""

from collections.abc import Mapping

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor


def perceptual_loss(restored: Tensor, clean: Tensor, p: int = 1) -> Tensor:
    """Return L_per of each picture: the mean of |F(x_hat) - F(x)|^p over all entries of the features.

    The paper prints 1/NHW and no square: p = 1.

    >>> restored, clean = torch.zeros(2, 8, 4, 4), torch.full((2, 8, 4, 4), 0.5)
    >>> perceptual_loss(restored, clean)
    tensor([0.5000, 0.5000])
    >>> perceptual_loss(restored, clean, p=2)
    tensor([0.2500, 0.2500])

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
    """Return L_iden of each picture: the mean angle of its features to those of clean pictures of the person.

    Features are one unit vector per picture: the paper says nothing of a norm, but takes an angle. The angle is
    2 atan2(|u - v|, |u + v|), which is that of acos(<u, v>) and has a finite gradient everywhere.

    >>> restored = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)
    >>> references = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).view(1, 2, 2, 1, 1)  # angles pi / 2 and 0
    >>> identity_loss(restored, references, torch.tensor([1])), identity_loss(restored, references, torch.tensor([2]))
    (tensor([1.5708]), tensor([0.7854]))

    Args:
        restored: float (B,C,h,w).
        references: float (B,n,C,h,w).
        num_references: int64 (B,), how many of the n count, the first ones.

    Returns:
        float32 (B,), in radians; 0 where there is no reference.
    """
    u = _unit(restored.float().flatten(1)).unsqueeze(1)  # (B,1,Chw)
    v = _unit(references.float().flatten(2))  # (B,n,Chw)
    angle = 2.0 * torch.atan2(_length(u - v), _length(u + v))  # (B,n)
    counted = torch.arange(references.shape[1], device=references.device) < num_references[:, None]
    return (angle * counted).sum(dim=1) / num_references.clamp_min(1)


def _unit(vectors: Tensor) -> Tensor:
    return vectors / _length(vectors).unsqueeze(-1)


def _length(vectors: Tensor) -> Tensor:
    """Return norms over the last axis whose gradient at 0 is 0, not NaN."""
    return (vectors.square().sum(-1) + 1e-12).sqrt()


class TermWatch:
    """A warning, once, of terms that outweigh the main one: their weight or their features are wrong.

    Args:
        main: Name of the main term.
        largest_ratio: How many times the main term another may be, on average over the first steps.
        num_steps: How many steps these are.
    """

    def __init__(self, main: str, largest_ratio: float = 10.0, num_steps: int = 100) -> None:
        self.main, self.largest_ratio, self.num_steps = main, largest_ratio, num_steps
        self.sums: dict[str, Tensor] = {}

    def see(self, step: int, terms: Mapping[str, Tensor]) -> None:
        """Take the terms of a step, weighted, as scalars without a gradient."""
        if step < self.num_steps:
            for name, value in terms.items():
                self.sums[name] = self.sums.get(name, torch.zeros_like(value)) + value
        elif self.sums:
            ratios = {name: float(value / self.sums[self.main]) for name, value in self.sums.items()}
            self.sums = {}
            for name, ratio in ratios.items():
                if ratio > self.largest_ratio:
                    rank_zero_warn(
                        f"the {name} term of the loss was {ratio:.0f} times the {self.main} term "
                        f"over the first {self.num_steps} steps: its weight is too large"
                    )
