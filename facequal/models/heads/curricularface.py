"""CurricularFace: hard negatives count more as training goes on."""

import torch
from torch import Tensor

from facequal.models.heads import margins
from facequal.models.heads.base import MarginHead
from facequal.models.heads.statistics import global_moments


class CurricularFaceHead(MarginHead):
    """CurricularFace (Huang et al., CVPR 2020).

    The target logit is s cos(theta_y + m) (monotone form beyond pi - m); negatives with cos_j > cos(theta_y + m) become
    s cos_j (t + cos_j). t is the running mean of the target cosines, over all ranks, updated before use and only in
    training mode (the released code updates it per rank and in evaluation too).

    Args:
        embedding_dim: Length D of the embedding.
        num_classes: Number C of identities.
        m: Margin in radians.
        s: Scale of the cosines.
        ema_decay: Weight of the old value of t; the new batch has 1 - ema_decay.

    Raises:
        ValueError: If ema_decay is outside [0, 1).

    >>> head = CurricularFaceHead(embedding_dim=2, num_classes=2)
    >>> _ = torch.nn.init.eye_(head.weight)
    >>> embedding = torch.tensor([[0.5, 0.75**0.5]])  # 60 degrees from its class
    >>> head.loss(embedding, torch.tensor([[20.0]]), torch.tensor([0])).margin  # cos(60) - cos(60 + 28.6)
    tensor([0.4764])
    """

    t: Tensor

    def __init__(
        self, embedding_dim: int, num_classes: int, m: float = 0.5, s: float = 64.0, ema_decay: float = 0.99
    ) -> None:
        super().__init__(embedding_dim, num_classes, s)
        if not 0 <= ema_decay < 1:
            raise ValueError(f"ema_decay must be in [0, 1), got {ema_decay}")
        self.m = m
        self.ema_decay = ema_decay
        self.register_buffer("t", torch.zeros(1, dtype=torch.float32))

    def condition(self, logits: Tensor, labels: Tensor, cosine: Tensor, norm: Tensor, quality: Tensor | None) -> Tensor:
        """Update t from the target cosines without margin; see `MarginHead.condition` for the arguments."""
        if self.training:
            count, mean, _ = global_moments(cosine.to(self.t.dtype))
            mean = torch.where((count > 0) & mean.isfinite(), mean, self.t)
            self.t.lerp_(mean, 1 - self.ema_decay)
        return super().condition(logits, labels, cosine, norm, quality)

    def margined_cosine(self, cosine: Tensor, condition: Tensor) -> Tensor:
        """Return cos(theta_y + m) for cosines (B,), continued monotonically beyond pi - m."""
        return margins.arcface_monotone(cosine, self.margin_scale * self.m)

    def reweighted(self, logits: Tensor, labels: Tensor, cosine: Tensor) -> Tensor:
        """Raise hard negatives to s cos_j (t + cos_j); see `MarginHead.reweighted` for the arguments."""
        # Not the margined target: beyond pi - m the released code compares with cos(theta_y + m) all the same.
        threshold = torch.cos(torch.acos(cosine.clamp(-1, 1)) + self.margin_scale * self.m)
        return self.s * margins.curricularface_negatives(logits / self.s, threshold, self.t, labels)
