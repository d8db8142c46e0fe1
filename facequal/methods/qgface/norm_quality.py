"""Image quality read off the feature norm by running statistics, whatever the head."""

import torch
from torch import Tensor, nn

from facequal.models.heads import margins
from facequal.models.heads.statistics import NORM_RANGE, InitStats, initial_moments, update_running_moments


class NormQuality(nn.Module):
    """Standardised quality of feature norms: z = clip(h (n - mean) / (std + 1e-3), -1, 1).

    Mean and standard deviation run over the batches of all ranks, as those of `AdaFaceHead`, from which this differs
    only in that it does not belong to a head: QGFace parts images by quality whatever head classifies them.

    >>> quality = NormQuality()
    >>> quality(torch.tensor([18.0, 20.0, 22.0]))  # mean 20, standard deviation 2: one of them is h of z
    tensor([-0.3328,  0.0000,  0.3328])

    Args:
        h: Concentration of z.
        ema_decay: Weight of the old statistics.
        init_stats: "first_batch" starts from the first training batch; "published" from mean 20 and standard deviation
            100, with which z stays near 0 for about 400 steps; "zero" from 0 and 0 as QGFace's released code does, with
            which z falls from 1 to about 0 over the first 300 steps: nothing counts as poor for most of them.

    Attributes:
        mean: (1,) running mean of the norms.
        std: (1,) running standard deviation.
        num_updates: Batches that entered them, int64 scalar.

    Raises:
        ValueError: If an argument is outside its allowed set.
    """

    mean: Tensor
    std: Tensor
    num_updates: Tensor

    def __init__(self, h: float = 0.333, ema_decay: float = 0.99, init_stats: InitStats = "first_batch") -> None:
        super().__init__()
        if not 0 <= ema_decay < 1:
            raise ValueError(f"ema_decay must be in [0, 1), got {ema_decay}")
        self.h, self.ema_decay, self.init_stats = h, ema_decay, init_stats
        mean, std = initial_moments(init_stats)
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.register_buffer("num_updates", torch.zeros((), dtype=torch.int64))

    def forward(self, norm: Tensor) -> Tensor:
        """Return the quality of a batch; in training mode the statistics are updated first.

        Args:
            norm: (B, 1) or (B,) feature norms.

        Returns:
            z (B,) in [-1, 1], without gradient.
        """
        score = norm.detach().flatten().clamp(*NORM_RANGE)
        if self.training:
            first = self.init_stats == "first_batch"
            update_running_moments(self.mean, self.std, self.num_updates, score, self.ema_decay, first)
        return margins.image_quality(score, self.mean, self.std, self.h)
