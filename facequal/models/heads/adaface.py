"""AdaFace: the margin adapts to the image quality, of which the feature norm is the proxy."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from facequal.choices import require_choice
from facequal.models.heads import margins
from facequal.models.heads.base import MarginHead
from facequal.models.heads.statistics import NORM_RANGE, InitStats, initial_moments, update_running_moments

Quality = Literal["norm", "probability", "given"]


class AdaFaceHead(MarginHead):
    """AdaFace (Kim et al., CVPR 2022): logit_y = s (cos(theta_y - m z) - (m + m z)), z the standardised quality.

    z = clip(h (q - mean) / (std + 1e-3), -1, 1). Mean and standard deviation are running values over the batches of all
    ranks, equal on every rank and to those of one process with the whole batch. They are updated before use and only in
    training mode; a batch with fewer than two samples in total, or with a non-finite score, leaves them as they are.

    The target cosine is clamped to +-0.999 as in the released head (which clamps all columns; non-targets beyond it do
    not occur in practice): beyond the clamp the gradient is zero.

    Args:
        embedding_dim: Length D of the embedding.
        num_classes: Number C of identities.
        m: Margin.
        h: Concentration of z; 0 gives CosFace.
        s: Scale of the cosines.
        ema_decay: Weight of the old statistics; the new batch has 1 - ema_decay. The paper's momentum of 0.99, and
            `t_alpha` = 0.01 of the released code.
        init_stats: "published" starts from mean 20 and standard deviation 100, with which z stays near 0 for about 400
            steps; "first_batch" starts from the first training batch, for short runs; "zero" from 0 and 0 as QGFace's
            released code does, with which z falls from 1 to about 0 over the first 300 steps.
        quality: Source of q: "norm" (clipped to [0.001, 100]), "probability" (softmax probability of the target class
            without margin) or "given" (a score passed to `loss`, larger is better).

    Attributes:
        batch_mean: (1,) running mean of q.
        batch_std: (1,) running standard deviation of q.
        num_updates: Number of batches that entered the statistics, int64 scalar.

    Raises:
        ValueError: If an argument is outside its allowed set, or a score other than the norm would start from the
            statistics of norms.

    >>> head = AdaFaceHead(embedding_dim=2, num_classes=2)
    >>> _ = torch.nn.init.eye_(head.weight)
    >>> embedding = torch.tensor([[0.5, 0.75**0.5]])  # 60 degrees from its class
    >>> head.loss(embedding, torch.tensor([[20.0]]), torch.tensor([0])).margin  # z = 0 at the mean norm
    tensor([0.4000])
    """

    batch_mean: Tensor
    batch_std: Tensor
    num_updates: Tensor

    def __init__(
        self,
        embedding_dim: int,
        num_classes: int,
        m: float = 0.4,
        h: float = 0.333,
        s: float = 64.0,
        ema_decay: float = 0.99,
        init_stats: InitStats = "published",
        quality: Quality = "norm",
    ) -> None:
        super().__init__(embedding_dim, num_classes, s)
        if not 0 <= ema_decay < 1:
            raise ValueError(f"ema_decay must be in [0, 1), got {ema_decay}")
        require_choice("quality", quality, Quality)
        mean, std = initial_moments(init_stats)
        if quality != "norm" and init_stats == "published":
            raise ValueError(
                f"quality={quality!r} needs init_stats='first_batch' or 'zero': 20 and 100 are statistics of norms"
            )
        self.m = m
        self.h = h
        self.ema_decay = ema_decay
        self.init_stats: InitStats = init_stats
        self.quality: Quality = quality
        self.register_buffer("batch_mean", mean)
        self.register_buffer("batch_std", std)
        self.register_buffer("num_updates", torch.zeros((), dtype=torch.int64))

    def condition(self, logits: Tensor, labels: Tensor, cosine: Tensor, norm: Tensor, quality: Tensor | None) -> Tensor:
        """Update the statistics and return z (B,) of every sample; see `MarginHead.condition` for the arguments.

        Raises:
            ValueError: If a quality is missing with quality="given", or passed without it.
        """
        if (quality is not None) != (self.quality == "given"):
            raise ValueError(
                f"AdaFaceHead(quality={self.quality!r}) got {'no' if quality is None else 'a'} quality per sample; "
                "pass one exactly when quality='given'"
            )
        if self.quality == "probability":
            quality = F.cross_entropy(logits, labels, reduction="none").neg().exp()
        score = norm.detach().clamp(*NORM_RANGE) if quality is None else quality
        if self.training:
            first = self.init_stats == "first_batch"
            update_running_moments(self.batch_mean, self.batch_std, self.num_updates, score, self.ema_decay, first)
        return self.image_quality(score)

    def image_quality(self, score: Tensor) -> Tensor:
        """Standardise scores with the running statistics as they are, without updating them.

        Args:
            score: Values of q of any shape: feature norms, unless the head has another source of quality.

        Returns:
            z in [-1, 1] of the same shape.
        """
        if self.quality == "norm":
            score = score.clamp(*NORM_RANGE)
        return margins.image_quality(score, self.batch_mean, self.batch_std, self.h)

    def margined_cosine(self, cosine: Tensor, condition: Tensor) -> Tensor:
        """Return cos(theta_y - m z) - (m + m z) for cosines (B,) and z (B,)."""
        return margins.adaface(cosine, condition, self.margin_scale * self.m)
