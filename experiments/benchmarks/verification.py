"""The 10-fold accuracy of 6,000 pairs against loops over thresholds and folds."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from experiments.benchmarks.rows import Row
from experiments.benchmarks.timing import interleaved
from facequal.metrics.verification import GRID, kfold_accuracy

Count = Callable[[float, NDArray[np.float64], NDArray[np.bool_]], float]
SPEED_UP_TARGET = 30.0


def benchmark(quick: bool) -> list[Row]:
    """Return the rows, for as many pairs as LFW has."""
    return rows(num_pairs=6_000, rounds=2 if quick else 7)


def rows(num_pairs: int, rounds: int) -> list[Row]:
    """`kfold_accuracy` with the grid rule against the two loops."""
    scores, is_same = pairs(num_pairs)
    # Both get what they take: cosines here, squared distances there.
    distances, same = 2 - 2 * scores.numpy(), is_same.numpy()
    seconds = interleaved(
        {
            "ours": lambda: kfold_accuracy(scores, is_same, rule="grid"),
            "published": lambda: looped_accuracy(distances, same, published_accuracy),
            "leanest": lambda: looped_accuracy(distances, same, lean_accuracy),
        },
        rounds,
    )
    milliseconds = {name: [1e3 * value for value in values] for name, values in seconds.items()}
    what, loop = f"10-fold accuracy of {num_pairs:,} pairs", "NumPy loop, 400 thresholds x 10 folds"
    ours, published, leanest = milliseconds.values()
    return [
        Row(
            what,
            f"{loop}, counting TP, FP, TN, FN as published scripts do",
            ours,
            published,
            "ms",
            "speed-up",
            SPEED_UP_TARGET,
        ),
        Row(what, f"{loop}, at its leanest: one comparison and one count", ours, leanest, "ms", "speed-up"),
    ]


def pairs(num_pairs: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines float64 (P,) and labels bool (P,): every other pair is genuine, and some errors are left at best."""
    generator = np.random.default_rng(0)
    is_same = np.arange(num_pairs) % 2 == 0
    scores = np.where(is_same, generator.normal(0.5, 0.15, num_pairs), generator.normal(0.0, 0.12, num_pairs))
    return torch.from_numpy(scores.clip(-1, 1)), torch.from_numpy(is_same)


def looped_accuracy(
    distances: NDArray[np.float64], is_same: NDArray[np.bool_], accuracy: Count, folds: int = 10
) -> float:
    """Mean test accuracy over the folds; published scripts loop once more for TPR and FPR, which is left out here."""
    accuracies = []
    for test in np.array_split(np.arange(len(distances)), folds):
        is_train = np.ones(len(distances), dtype=bool)
        is_train[test] = False
        train_distances, train_same = distances[is_train], is_same[is_train]
        train = [accuracy(threshold, train_distances, train_same) for threshold in GRID]
        accuracies.append(accuracy(GRID[int(np.argmax(train))], distances[test], is_same[test]))
    return float(np.mean(accuracies))


def published_accuracy(threshold: float, distances: NDArray[np.float64], is_same: NDArray[np.bool_]) -> float:
    """Share of right decisions out of the four counts."""
    accepted = np.less(distances, threshold)
    true_accepts = np.sum(np.logical_and(accepted, is_same))
    false_accepts = np.sum(np.logical_and(accepted, np.logical_not(is_same)))
    true_rejects = np.sum(np.logical_and(np.logical_not(accepted), np.logical_not(is_same)))
    false_rejects = np.sum(np.logical_and(np.logical_not(accepted), is_same))
    right = true_accepts + true_rejects
    return float(right) / float(right + false_accepts + false_rejects)


def lean_accuracy(threshold: float, distances: NDArray[np.float64], is_same: NDArray[np.bool_]) -> float:
    """Return the same share out of one count."""
    return np.count_nonzero((distances < threshold) == is_same) / len(distances)
