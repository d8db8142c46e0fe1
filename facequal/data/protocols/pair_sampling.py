"""Random verification pairs for images that come without a list of pairs."""

import numpy as np
from numpy.typing import NDArray


def sample_pairs(
    labels: NDArray[np.int64], num_pairs: int, folds: int = 10, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Draw pairs in the order of LFW: in every fold as many pairs of the same person, then as many of different ones.

    For a pair of the same person, a person is drawn, then two images; people whose pairs are used up drop out. Of the
    pairs of different people each is equally likely. No pair is drawn twice.

    Args:
        labels: int64 (N,), identity of every image.
        num_pairs: Number of pairs, a multiple of 2 x folds.
        folds: Number of folds.
        seed: The same seed draws the same pairs.

    Returns:
        Pairs, int64 (num_pairs, 2), places in `labels`, and whether they show the same person, bool (num_pairs,).

    Raises:
        ValueError: If `num_pairs` is not a positive multiple, or there are not so many pairs of a kind.
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
    """Return numbers of pairs of the same person and of different ones among images of these identities, int64 (N,)."""
    counts = np.unique(labels, return_counts=True)[1]
    num_genuine = int((counts * (counts - 1) // 2).sum())
    return num_genuine, len(labels) * (len(labels) - 1) // 2 - num_genuine


def _draw_genuine(counts: NDArray[np.int64], wanted: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Return pairs of the same person, (wanted, 2): places in the images sorted by person."""
    capacity = counts * (counts - 1) // 2
    quota = np.zeros_like(counts)
    alive = np.flatnonzero(capacity).tolist()
    for draw in generator.random(wanted):
        place = int(draw * len(alive))
        person = alive[place]
        quota[person] += 1
        if quota[person] == capacity[person]:
            alive[place] = alive[-1]
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
    """Return pairs of different people, (wanted, 2): places in the images sorted by person.

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
