"""Face verification: cosine scores of pairs and the k-fold accuracy, beside the ROC figures of `metrics.roc`.

Thresholds are squared Euclidean distances of unit embeddings, d = |a - b|^2 = 2 - 2 cos(a, b), in [0, 4]; a pair counts
as the same person if d < threshold. Everything after the scores runs on the CPU in int64 and float64.
"""

import math
from statistics import NormalDist
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facequal.choices import require_choice
from facequal.metrics.roc import checked_scores

AccuracyRule = Literal["grid", "exact"]

GRID: NDArray[np.float64] = np.arange(0, 4, 0.01)  # thresholds on the squared distance


class KFoldAccuracy(NamedTuple):
    """Accuracy over k folds of pairs.

    Attributes:
        mean: Mean of the folds' test accuracies, in [0, 1].
        std: Population standard deviation of the folds' test accuracies (NumPy's default), in [0, 1].
        thresholds: (folds,) float64 squared distances, each found on the other folds; a pair is the same if d < it.
        accuracies: (folds,) float64 test accuracy of each fold.
    """

    mean: float
    std: float
    thresholds: Tensor
    accuracies: Tensor


def pair_scores(embedding_a: Tensor, embedding_b: Tensor) -> Tensor:
    """Return the cosine similarity of pairs of embeddings: cos = <a, b> / (|a| |b|), and 2 - 2 cos = |a/|a| - b/|b||^2.

    The lengths are divided out again in float64 although embeddings come with unit length, as float32 unit vectors are
    1e-7 off and that is enough to move a pair over a threshold.

    Args:
        embedding_a: (P, D) floating.
        embedding_b: (P, D) floating.

    Returns:
        (P,) float64 in [-1, 1], on the device of the embeddings; NaN where an embedding has zero length.

    Raises:
        ValueError: If the shapes differ or are not (P, D).

    >>> pair_scores(torch.tensor([[1.0, 0.0], [2.0, 0.0]]), torch.tensor([[0.0, 1.0], [3.0, 4.0]]))
    tensor([0.0000, 0.6000], dtype=torch.float64)
    """
    if embedding_a.ndim != 2 or embedding_a.shape != embedding_b.shape:
        raise ValueError(
            f"both embeddings must have shape (P, D), got {tuple(embedding_a.shape)} and {tuple(embedding_b.shape)}"
        )
    a, b = embedding_a.double(), embedding_b.double()
    lengths = torch.linalg.vector_norm(a, dim=1) * torch.linalg.vector_norm(b, dim=1)
    cosines: Tensor = (a * b).sum(1) / lengths
    return cosines.clamp(-1, 1)


def kfold_accuracy(scores: Tensor, is_same: Tensor, folds: int = 10, rule: AccuracyRule = "grid") -> KFoldAccuracy:
    """Return verification accuracy with the threshold of each fold found on the other folds.

    The pairs are cut into `folds` runs in their given order, without shuffling; of P pairs the first P mod `folds` runs
    get one pair more (scikit-learn's `KFold`). The order belongs to the protocol: do not shuffle the pairs.

    - `grid`: how published figures on LFW and its kin are made. Thresholds 0, 0.01, ..., 3.99 on the squared distance,
      the first of those with the best training accuracy.
    - `exact`: the midpoints between neighbouring distinct training distances, and at both ends a threshold that accepts
      none or all of the training pairs; the lowest of those with the best training accuracy.

    Args:
        scores: (P,) floating, finite cosine similarities; for `exact` any scores, higher meaning more alike.
        is_same: (P,) bool, or integers 0 and 1; True for a genuine pair.
        folds: Number of folds, at least 2.
        rule: `grid` or `exact`.

    Returns:
        Mean, population standard deviation, and the threshold and accuracy of each fold.

    Raises:
        ValueError: If shapes or labels are others, a score is not finite or (for `grid`) no cosine, genuine or impostor
            pairs are missing, there are fewer than 2 folds or fewer pairs than folds, or the rule is unknown.

    >>> scores = torch.tensor([0.9, 0.1, 0.8, 0.2, 0.3, 0.4])
    >>> is_same = torch.tensor([True, False, True, False, True, False])
    >>> accuracy = kfold_accuracy(scores, is_same, folds=3, rule="exact")
    >>> accuracy.accuracies.tolist(), round(accuracy.mean, 3)
    ([1.0, 1.0, 0.5], 0.833)
    """
    require_choice("rule", rule, AccuracyRule)
    if folds < 2:
        raise ValueError(f"need at least 2 folds, got {folds}")
    if scores.numel() < folds:
        raise ValueError(f"{scores.numel()} pairs are too few for {folds} folds")
    checked, labels = checked_scores(scores, is_same)
    # NumPy from here on: its one thread is faster on some thousand pairs, and it sums like the published scripts.
    distances, same = 2 - 2 * checked.numpy(), labels.numpy()
    fold = _fold_of_each_pair(len(distances), folds)
    if rule == "grid":
        if distances.min() < -1e-3 or distances.max() > 4 + 1e-3:
            raise ValueError(
                f"the grid rule needs cosines in [-1, 1], got scores from {checked.min():g} to {checked.max():g}"
            )
        # The cosine of an image with itself can round to just above 1; a squared distance is never below 0.
        distances = distances.clip(min=0)
        thresholds = _grid_thresholds(distances, same, fold, folds)
    else:
        thresholds = _exact_thresholds(distances, same, fold, folds)
    correct = (distances < thresholds[fold]) == same
    accuracies = np.bincount(fold, weights=correct) / np.bincount(fold)
    return KFoldAccuracy(
        float(accuracies.mean()), float(accuracies.std()), torch.from_numpy(thresholds), torch.from_numpy(accuracies)
    )


def _fold_of_each_pair(num_pairs: int, folds: int) -> NDArray[np.intp]:
    sizes = np.full(folds, num_pairs // folds)
    sizes[: num_pairs % folds] += 1
    return np.repeat(np.arange(folds), sizes)


def _grid_thresholds(
    distances: NDArray[np.float64], is_same: NDArray[np.bool_], fold: NDArray[np.intp], folds: int
) -> NDArray[np.float64]:
    """Return the first of the grid's thresholds with the best training accuracy, (folds,).

    A pair is accepted from the first threshold above its distance on. So one histogram of these first thresholds per
    fold and label, summed up along the grid, counts the accepted pairs at every threshold.
    """
    first_accepting = np.searchsorted(GRID, distances, side="right")  # len(GRID) if none accepts
    cell = (fold * 2 + is_same) * (len(GRID) + 1) + first_accepting
    histogram = np.bincount(cell, minlength=folds * 2 * (len(GRID) + 1)).reshape(folds, 2, len(GRID) + 1)
    accepted = histogram[..., :-1].cumsum(-1)
    # Right decisions but for a constant, the number of impostors, which does not move the maximum.
    correct = accepted[:, 1] - accepted[:, 0]
    train_correct = correct.sum(0) - correct
    best: NDArray[np.float64] = GRID[train_correct.argmax(1)]  # argmax gives the first maximum
    return best


def _exact_thresholds(
    distances: NDArray[np.float64], is_same: NDArray[np.bool_], fold: NDArray[np.intp], folds: int
) -> NDArray[np.float64]:
    """Return the best midpoint between the training distances of each fold, (folds,)."""
    order = distances.argsort(kind="stable")
    distances, is_same, fold = distances[order], is_same[order], fold[order]
    return np.array([_best_midpoint(distances[fold != k], is_same[fold != k]) for k in range(folds)])


def _best_midpoint(distances: NDArray[np.float64], is_same: NDArray[np.bool_]) -> float:
    """Return the lowest of the best thresholds for ascending distances (N,)."""
    # Right decisions of cut k, which accepts the k smallest distances, but for a constant, the number of impostors.
    correct = np.concatenate([[0], np.where(is_same, 1, -1).cumsum()])
    correct[1:-1][distances[:-1] == distances[1:]] = -len(distances) - 1  # equal distances stay together
    cut = int(correct.argmax())  # argmax gives the first maximum
    if cut == 0:
        return float(distances[0])
    below = float(distances[cut - 1])
    if cut == len(distances):
        return math.nextafter(below, math.inf)
    above = float(distances[cut])
    middle = (below + above) / 2
    # Between neighbouring floats the midpoint can round down to the lower one, which must stay accepted.
    return middle if middle > below else above


def accuracy_interval(accuracy: float, num_pairs: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of an accuracy over `num_pairs` decisions.

    With p the accuracy, n the pairs and z the normal quantile of (1 + confidence) / 2, the bounds are
    (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n). It stays inside [0, 1] and has a width at
    p = 1, unlike p -+ z std / sqrt(folds), and does not depend on the number of folds. It takes the pairs as
    independent: pairs that share images or people make the true interval wider.

    Args:
        accuracy: In [0, 1].
        num_pairs: At least 1.
        confidence: In (0, 1).

    Returns:
        Lower and upper bound, in [0, 1].

    Raises:
        ValueError: If an argument is out of its range.

    >>> [round(bound, 4) for bound in accuracy_interval(0.995, num_pairs=6000)]
    [0.9929, 0.9965]
    """
    if not 0 <= accuracy <= 1:
        raise ValueError(f"accuracy must be in [0, 1], got {accuracy!r}")
    if num_pairs < 1:
        raise ValueError(f"num_pairs must be at least 1, got {num_pairs}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be in (0, 1), got {confidence!r}")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    z2n = z * z / num_pairs
    centre = accuracy + z2n / 2
    half_width = z * math.sqrt(accuracy * (1 - accuracy) / num_pairs + z2n / (4 * num_pairs))
    return max((centre - half_width) / (1 + z2n), 0.0), min((centre + half_width) / (1 + z2n), 1.0)
