"""Verification pairs of procedural faces, in the order of LFW's list of pairs."""

from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from facequal.degradations.draws import Keys

Impostors = Literal["other-family", "same-family", "mixed"]
NUM_FOLDS = 10
_ENUMERATED_IMAGES = 2048  # up to here all pairs of images are listed (2 million); above, they are drawn

Pairs = NDArray[np.int64]


def procedural_pairs(
    labels: ArrayLike,
    families: ArrayLike,
    impostors: Impostors = "other-family",
    num_pairs: int = 6000,
    seed: int = 0,
) -> tuple[Pairs, NDArray[np.bool_]]:
    """Draw genuine and impostor pairs of images, in ten folds.

    The order is LFW's: fold after fold of equal size, in each fold the genuine pairs and then as many impostor pairs,
    so that a ten-fold evaluation takes consecutive blocks without shuffling. People recur in several folds: with
    families of its own a fold would hold two or three, and its accuracy would say more about them than about the
    recogniser. No pair occurs twice, in either order, and no image is paired with itself.

    Args:
        labels: Identity of every image, int (N,).
        families: Family of every image, int (N,), as `ProceduralFaces.families` gives it.
        impostors: Two people of different families ("other-family"), of one family ("same-family": they share coarse
            attributes, only detail tells them apart), or half of the pairs each ("mixed").
        num_pairs: Number of pairs, a multiple of 20.
        seed: Seed of the draw.

    Returns:
        Pairs of positions, int64 (P, 2), and whether both images show one person, bool (P,).

    Raises:
        ValueError: If the kind of impostors is unknown, the arrays differ in length, the pairs do not divide into ten
            folds of two halves, or there are not so many pairs.

    Example:
        >>> labels = np.repeat(np.arange(12), 2)
        >>> pairs, is_same = procedural_pairs(labels, labels // 6, "same-family", num_pairs=20)
        >>> pairs.shape, is_same[:4].tolist()
        ((20, 2), [True, False, True, False])
    """
    label, family = np.asarray(labels, dtype=np.int64), np.asarray(families, dtype=np.int64)
    if label.ndim != 1 or label.shape != family.shape:
        raise ValueError(f"labels and families must be of one length, got shapes {label.shape} and {family.shape}")
    if impostors not in get_args(Impostors):
        raise ValueError(f"impostors={impostors!r}: must be 'other-family', 'same-family' or 'mixed'")
    if num_pairs <= 0 or num_pairs % (2 * NUM_FOLDS):
        raise ValueError(f"num_pairs={num_pairs}: must be a positive multiple of {2 * NUM_FOLDS}")
    half = num_pairs // 2
    num_same_family = {"other-family": 0, "same-family": half, "mixed": half // 2}[impostors]
    genuine = _draw(_pairs_within(label), half, seed, "genuine")
    relatives = _pairs_within(family)
    relatives = relatives[label[relatives[:, 0]] != label[relatives[:, 1]]]
    same_family = _draw(relatives, num_same_family, seed, "same-family impostor")
    other_family = _draw_strangers(family, half - num_same_family, seed)
    different = np.concatenate([same_family, other_family])
    different = different[_order(half, seed, "mix of impostors")]  # every fold gets its share of both kinds
    folds = [genuine.reshape(NUM_FOLDS, -1, 2), different.reshape(NUM_FOLDS, -1, 2)]
    pairs = np.concatenate(folds, axis=1).reshape(-1, 2)
    is_same = np.tile(np.repeat([True, False], half // NUM_FOLDS), NUM_FOLDS)
    return pairs, is_same


def _order(count: int, seed: int, name: str) -> Pairs:
    """Return a permutation of 0..count-1 from counter-based draws: the same with every version of NumPy."""
    keys = Keys(torch.arange(count), seed).fold(name)
    return np.argsort(keys.uniform(()).numpy(), kind="stable").astype(np.int64)


def _draw(pairs: Pairs, count: int, seed: int, kind: str) -> Pairs:
    """Return some of the listed pairs, each at most once."""
    if count > len(pairs):
        raise ValueError(f"{count} {kind} pairs asked for, but only {len(pairs)} exist")
    return pairs[_order(len(pairs), seed, kind)[:count]] if count else np.empty((0, 2), dtype=np.int64)


def _pairs_within(group: Pairs) -> Pairs:
    """Return all pairs of positions that share a group, smaller position first, (P, 2)."""
    order = np.argsort(group, kind="stable")
    boundaries = np.flatnonzero(np.diff(group[order])) + 1
    members = np.split(order, boundaries)
    pairs = [np.sort(m[np.stack(np.triu_indices(len(m), 1), axis=1)], axis=1) for m in members if len(m) > 1]
    return np.concatenate(pairs).astype(np.int64) if pairs else np.empty((0, 2), dtype=np.int64)


def _draw_strangers(family: Pairs, count: int, seed: int) -> Pairs:
    """Return pairs of images of different families: from a list of all, or drawn where that would be too long."""
    num_images = len(family)
    if num_images <= _ENUMERATED_IMAGES:
        every = np.stack(np.triu_indices(num_images, 1), axis=1).astype(np.int64)
        return _draw(every[family[every[:, 0]] != family[every[:, 1]]], count, seed, "other-family impostor")
    members = np.unique(family, return_counts=True)[1]
    available = (num_images**2 - int((members**2).sum())) // 2
    if 2 * count > available:  # beyond half of all pairs, drawing with rejection would take ever longer
        raise ValueError(f"{count} other-family impostor pairs asked for of {num_images} images, {available} exist")
    keys, pairs, attempt = Keys(torch.arange(count), seed), np.empty((0, 2), dtype=np.int64), 0
    while len(pairs) < count:
        drawn = keys.fold(f"other-family impostor {attempt}").integers(0, num_images, (2,)).numpy()
        drawn = np.sort(drawn[family[drawn[:, 0]] != family[drawn[:, 1]]], axis=1)
        both = np.concatenate([pairs, drawn])
        pairs = both[np.sort(np.unique(both, axis=0, return_index=True)[1])]
        attempt += 1
    return pairs[:count]
