"""Random verification pairs for images that come without a list of pairs."""

import numpy as np
from numpy.typing import NDArray


def sample_pairs(
    labels: NDArray[np.int64], num_pairs: int, folds: int = 10, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Draw pairs in the order of LFW: in every fold the pairs of one person, then as many of different people.

    For a pair of one person, the person is drawn, then two images; people whose pairs are used up drop out. All pairs
    of different people are equally likely. No pair is drawn twice.

    Args:
        labels: Identity of every image, int64 (N,).
        num_pairs: P, a multiple of 2 x folds.
        folds: Number of folds.
        seed: The same seed draws the same pairs.

    Returns:
        Pairs of positions in `labels`, int64 (P, 2), and whether both images show one person, bool (P,).

    Raises:
        ValueError: If `num_pairs` is not a positive multiple, or there are not so many pairs of a kind.

    Example:
        >>> pairs, is_same = sample_pairs(np.repeat(np.arange(4), 3), num_pairs=8, folds=2)
        >>> pairs.shape, is_same.tolist()
        ((8, 2), [True, True, False, False, True, True, False, False])
    """
    if folds < 1 or num_pairs < 1 or num_pairs % (2 * folds):
        raise ValueError(f"num_pairs must be a positive multiple of 2 x folds = {2 * folds}, got {num_pairs}")
    order = np.argsort(labels, kind="stable")
    counts = np.unique(labels, return_counts=True)[1]
    num_genuine, num_impostor = count_pairs(labels)
    wanted = num_pairs // 2
    if wanted > num_genuine or wanted > num_impostor:
        raise ValueError(
            f"{wanted} pairs of each kind wanted, the images allow {num_genuine} of the same person and {num_impostor} "
            "of different ones"
        )
    generator = np.random.default_rng(seed)
    genuine = _draw_genuine(counts, wanted, generator).reshape(folds, -1, 2)
    impostor = _draw_impostor(counts, wanted, num_impostor, generator).reshape(folds, -1, 2)
    pairs = np.concatenate([genuine, impostor], axis=1).reshape(-1, 2)
    pairs = generator.permuted(pairs, axis=1)  # either image may come first
    is_same = np.tile(np.repeat([True, False], wanted // folds), folds)
    return order[pairs].astype(np.int64), is_same


def count_pairs(labels: NDArray[np.int64]) -> tuple[int, int]:
    """Return the numbers of pairs of one person and of different people.

    Args:
        labels: Identity of every image, int64 (N,).

    Example:
        >>> count_pairs(np.array([0, 0, 0, 1]))
        (3, 3)
    """
    counts = np.unique(labels, return_counts=True)[1]
    num_genuine = int((counts * (counts - 1) // 2).sum())
    return num_genuine, len(labels) * (len(labels) - 1) // 2 - num_genuine


def _draw_genuine(counts: NDArray[np.int64], wanted: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Return pairs of one person, (wanted, 2): positions in the images sorted by person."""
    capacity = counts * (counts - 1) // 2
    quota = np.zeros_like(counts)
    alive = np.flatnonzero(capacity).tolist()
    for draw in generator.random(wanted):
        slot = int(draw * len(alive))
        person = alive[slot]
        quota[person] += 1
        if quota[person] == capacity[person]:
            alive[slot] = alive[-1]
            alive.pop()
    starts = np.cumsum(counts) - counts
    drawn = []
    for person in np.flatnonzero(quota).tolist():
        first, second = np.triu_indices(counts[person], k=1)
        chosen = generator.choice(capacity[person], quota[person], replace=False)
        drawn.append(starts[person] + np.stack([first[chosen], second[chosen]], axis=1))
    return generator.permutation(np.concatenate(drawn))


def _draw_impostor(
    counts: NDArray[np.int64], wanted: int, num_impostor: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Return pairs of different people, (wanted, 2): positions in the images sorted by person.

    All such pairs are numbered without listing them: by their first image, and by the second among the images of later
    people.
    """
    person_end = np.repeat(np.cumsum(counts), counts)
    num_later = counts.sum() - person_end
    ends = np.cumsum(num_later)
    numbers = generator.choice(num_impostor, wanted, replace=False)
    first = np.searchsorted(ends, numbers, side="right")
    second = person_end[first] + numbers - (ends[first] - num_later[first])
    return np.stack([first, second], axis=1)
