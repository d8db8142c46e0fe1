"""The ROC curve of verification scores and the figures read off it: AUC, EER and TAR at FAR.

A pair is accepted as the same person when its score is at least the threshold, so pairs with equal scores are accepted
together. With G genuine and I impostor pairs, TAR = accepted genuine pairs / G and FAR = accepted impostor pairs / I.
Everything is counted on the CPU in int64 and float64, whatever the device and dtype of the scores: the same scores give
the same figures everywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from facequal.choices import require_choice

FarRule = Literal["at_most", "nearest"]


@dataclass(frozen=True, eq=False)
class RocCurve:
    """One point per distinct score, from "accept nothing" (FAR = TAR = 0) to "accept everything" (FAR = TAR = 1).

    Attributes:
        far: (K,) float64 false acceptance rates in [0, 1], never decreasing.
        tar: (K,) float64 true acceptance rates in [0, 1], never decreasing.
        threshold: (K,) float64 scores, strictly decreasing; a pair is accepted if score >= threshold. The first is inf.
        num_genuine: G, pairs of the same person.
        num_impostor: I, pairs of different people.

    >>> curve = roc_curve(torch.tensor([0.9, 0.6, 0.5, 0.1]), torch.tensor([True, False, True, False]))
    >>> curve.far.tolist(), curve.tar.tolist()
    ([0.0, 0.0, 0.5, 0.5, 1.0], [0.0, 0.5, 0.5, 1.0, 1.0])
    >>> curve.auc(), curve.eer()
    (0.75, 0.5)
    """

    far: Tensor
    tar: Tensor
    threshold: Tensor
    num_genuine: int
    num_impostor: int

    def auc(self) -> float:
        """Return the area under the curve by the trapezoid rule: P(genuine score > impostor score) + P(equal) / 2."""
        return float(torch.trapezoid(self.tar, self.far))

    def eer(self) -> float:
        """Return the equal error rate: FAR where the straight lines between neighbouring points meet FAR = 1 - TAR.

        Points of these lines are what a coin toss between two thresholds reaches. Constant scores give 0.5.
        """
        excess = self.far + self.tar - 1  # from -1 to 1, strictly increasing: there is exactly one crossing
        right = int(torch.searchsorted(excess, 0.0))
        left = right - 1
        share = -excess[left] / (excess[right] - excess[left])
        return float(self.far[left] + share * (self.far[right] - self.far[left]))

    def tar_at_far(self, fars: Sequence[float], rule: FarRule = "at_most") -> Tensor:
        """Return the true acceptance rate at target false acceptance rates.

        Args:
            fars: Target FARs, each in (0, 1].
            rule: `at_most`: as many pairs as possible are accepted with FAR <= target; pairs with equal scores are
                accepted all or none, so nothing is interpolated. `nearest`: the point with the FAR nearest to the
                target among those that scikit-learn's `roc_curve` keeps, which can exceed it; of two equally near ones
                the larger. Published IJB figures are made this way.

        Returns:
            (len(fars),) float64 TARs in [0, 1]; NaN where there are fewer than 1 / FAR impostor pairs, as such a target
            cannot be told from FAR = 0.

        Raises:
            ValueError: If a target is outside (0, 1], or the rule unknown.

        >>> curve = roc_curve(torch.tensor([0.9, 0.6, 0.5, 0.1]), torch.tensor([True, False, True, False]))
        >>> curve.tar_at_far([0.5, 0.01])  # 2 impostor pairs tell nothing of 1 %
        tensor([1., nan], dtype=torch.float64)
        """
        for target in fars:
            if not 0 < target <= 1:
                raise ValueError(f"a target FAR must be in (0, 1], got {target!r}")
        require_choice("rule", rule, FarRule)
        targets = torch.tensor(list(fars), dtype=torch.float64)
        if rule == "at_most":
            tars = self.tar[torch.searchsorted(self.far, targets, right=True) - 1]
        else:
            far, tar = self._corners()
            distance = (far - targets[:, None]).abs().flip(1)  # flipped: of two equally near FARs the larger is taken
            tars = tar.flip(0)[distance.argmin(1)]
        # One impostor pair is the finest step there is. 1 / I is rounded like every FAR, so 1e-3 of 1,000 pairs counts.
        return tars.masked_fill(targets < 1 / self.num_impostor, torch.nan)

    def _corners(self) -> tuple[Tensor, Tensor]:
        """Return the points scikit-learn's `roc_curve` keeps: those where the steps before and after differ."""
        if self.far.numel() <= 3:
            return self.far, self.tar
        # In whole counts: differences of rounded rates would not be exactly zero on straight stretches.
        counts = torch.stack([self.far * self.num_impostor, self.tar * self.num_genuine]).round()[:, 1:]
        bends = (counts.diff(n=2) != 0).any(0)
        always = torch.ones(1, dtype=torch.bool)
        kept = torch.cat([always, always, bends, always])
        return self.far[kept], self.tar[kept]


def checked_scores(scores: Tensor, is_same: Tensor) -> tuple[Tensor, Tensor]:
    """Check scores and labels and bring them to the CPU.

    Args:
        scores: (P,) any floating dtype, finite; higher means more alike.
        is_same: (P,) bool, or integers 0 and 1; True for a genuine pair.

    Returns:
        (P,) float64 scores and (P,) bool labels.

    Raises:
        ValueError: If shapes or labels are others, a score is not finite, or genuine or impostor pairs are missing.
    """
    if scores.ndim != 1 or scores.shape != is_same.shape:
        raise ValueError(
            f"scores and is_same must both have shape (P,), got {tuple(scores.shape)} and {tuple(is_same.shape)}"
        )
    scores, is_same = scores.detach().cpu().double(), is_same.detach().cpu()
    num_bad = int((~scores.isfinite()).sum())
    if num_bad:
        raise ValueError(f"{num_bad} of {scores.numel()} scores are not finite (NaN or infinite)")
    if is_same.dtype != torch.bool and bool(((is_same != 0) & (is_same != 1)).any()):
        raise ValueError(f"is_same must hold only 0 and 1 (or bool), got {sorted(set(is_same.tolist()))[:5]}")
    is_same = is_same.bool()
    num_genuine = int(is_same.sum())
    num_impostor = is_same.numel() - num_genuine
    if num_genuine == 0 or num_impostor == 0:
        raise ValueError(f"need genuine and impostor pairs, got {num_genuine} genuine and {num_impostor} impostor")
    return scores, is_same


def roc_curve(scores: Tensor, is_same: Tensor) -> RocCurve:
    """Return the whole ROC curve, as scikit-learn's `roc_curve(..., drop_intermediate=False)`.

    Args:
        scores: (P,) floating, finite; higher means more alike.
        is_same: (P,) bool, or integers 0 and 1; True for a genuine pair.

    Returns:
        The curve with one point per distinct score and the starting point (0, 0).

    Raises:
        ValueError: If shapes or labels are others, a score is not finite, or genuine or impostor pairs are missing.

    >>> curve = roc_curve(torch.tensor([0.9, 0.5, 0.5, 0.1]), torch.tensor([True, True, False, False]))
    >>> curve.threshold, curve.far  # equal scores are accepted together
    (tensor([   inf, 0.9000, 0.5000, 0.1000], dtype=torch.float64),
     tensor([0.0000, 0.0000, 0.5000, 1.0000], dtype=torch.float64))
    """
    scores, is_same = checked_scores(scores, is_same)
    scores, order = scores.sort(descending=True, stable=True)
    genuine = is_same[order].cumsum(0)
    is_last = torch.ones_like(is_same)  # the last of each run of equal scores
    is_last[:-1] = scores[:-1] != scores[1:]
    ends = is_last.nonzero()[:, 0]
    accepted_genuine = genuine[ends]
    accepted_impostor = ends + 1 - accepted_genuine
    num_genuine = int(genuine[-1])
    num_impostor = genuine.numel() - num_genuine
    zero = torch.zeros(1, dtype=torch.float64)
    return RocCurve(
        far=torch.cat([zero, accepted_impostor.double() / num_impostor]),
        tar=torch.cat([zero, accepted_genuine.double() / num_genuine]),
        threshold=torch.cat([zero + torch.inf, scores[ends]]),
        num_genuine=num_genuine,
        num_impostor=num_impostor,
    )
