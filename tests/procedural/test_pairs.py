import numpy as np
import pytest

from facequal.procedural import FAMILY_SIZE, procedural_pairs
from facequal.procedural import pairs as pairs_module

KINDS = ("other-family", "same-family", "mixed")


def people(num_identities: int, images: int) -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat(np.arange(num_identities), images)
    return labels, labels // FAMILY_SIZE


@pytest.mark.parametrize("kind", KINDS)
def test_pairs_are_what_they_claim_to_be(kind: str) -> None:
    labels, families = people(24, 5)
    pairs, is_same = procedural_pairs(labels, families, kind, num_pairs=400, seed=3)
    assert pairs.shape == (400, 2)
    assert pairs.dtype == np.int64
    assert is_same.dtype == np.bool_
    first, second = pairs.T
    assert (first != second).all()
    assert ((labels[first] == labels[second]) == is_same).all()
    relatives = families[first] == families[second]
    expected = {"other-family": 0, "same-family": 200, "mixed": 100}[kind]
    assert (relatives & ~is_same).sum() == expected
    assert len({frozenset(pair) for pair in pairs.tolist()}) == 400


def test_order_is_that_of_lfw() -> None:
    labels, families = people(24, 5)
    _, is_same = procedural_pairs(labels, families, "mixed", num_pairs=200, seed=0)
    for fold in is_same.reshape(10, 20):
        assert fold[:10].all()
        assert not fold[10:].any()


def test_mixed_impostors_are_spread_over_the_folds() -> None:
    labels, families = people(30, 6)
    pairs, is_same = procedural_pairs(labels, families, "mixed", num_pairs=800, seed=0)
    relatives = (families[pairs[:, 0]] == families[pairs[:, 1]]) & ~is_same
    per_fold = relatives.reshape(10, 80).sum(axis=1)
    assert per_fold.sum() == 200
    assert per_fold.min() >= 8
    assert per_fold.max() <= 32


def test_seed_decides_and_repeats() -> None:
    labels, families = people(12, 4)
    draw = [procedural_pairs(labels, families, "mixed", 100, seed)[0] for seed in (1, 1, 2)]
    assert (draw[0] == draw[1]).all()
    assert (draw[0] != draw[2]).any()


def test_all_images_take_part() -> None:
    labels, families = people(12, 4)
    pairs, is_same = procedural_pairs(labels, families, "other-family", 140, seed=0)
    assert len(np.unique(pairs[is_same])) > 40  # all 72 genuine pairs but two: no part of the set is left out
    assert len(np.unique(pairs[~is_same])) > 40


@pytest.mark.parametrize("kind", KINDS)
def test_large_sets_draw_instead_of_listing(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs_module, "_ENUMERATED_IMAGES", 10)
    labels, families = people(24, 5)
    pairs, is_same = procedural_pairs(labels, families, kind, num_pairs=400, seed=3)
    assert len({frozenset(pair) for pair in pairs.tolist()}) == 400
    relatives = families[pairs[:, 0]] == families[pairs[:, 1]]
    assert (relatives & ~is_same).sum() == {"other-family": 0, "same-family": 200, "mixed": 100}[kind]


def test_all_pairs_that_exist_can_be_had() -> None:
    labels, families = people(12, 5)  # 120 genuine pairs, 36 * 25 impostor pairs of two families
    pairs, _ = procedural_pairs(labels, families, "other-family", num_pairs=240, seed=0)
    assert len({frozenset(pair) for pair in pairs[np.tile(np.repeat([True, False], 12), 10)].tolist()}) == 120


@pytest.mark.parametrize(
    ("num_identities", "images", "kind", "num_pairs", "message"),
    [
        (12, 2, "mixed", 40, "20 genuine pairs asked for, but only 12 exist"),
        (6, 8, "other-family", 40, "20 other-family impostor pairs asked for, but only 0 exist"),
        (6, 8, "sideways", 40, "impostors='sideways'"),
        (12, 8, "mixed", 30, "num_pairs=30: must be a positive multiple of 20"),
        (12, 8, "mixed", 0, "num_pairs=0"),
    ],
)
def test_impossible_requests_say_why(num_identities: int, images: int, kind: str, num_pairs: int, message: str) -> None:
    labels, families = people(num_identities, images)
    with pytest.raises(ValueError, match=message):
        procedural_pairs(labels, families, kind, num_pairs, seed=0)  # type: ignore[arg-type]


def test_one_person_per_family_has_no_relatives() -> None:
    labels = np.repeat(np.arange(4), 10)
    with pytest.raises(ValueError, match="20 same-family impostor pairs asked for, but only 0 exist"):
        procedural_pairs(labels, labels, "same-family", 40)


def test_too_many_strangers_of_a_large_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs_module, "_ENUMERATED_IMAGES", 10)
    labels = np.repeat([0, 1], [30, 1])
    with pytest.raises(ValueError, match="20 other-family impostor pairs asked for of 31 images, 30 exist"):
        procedural_pairs(labels, labels, "other-family", 40)


def test_arrays_of_different_lengths() -> None:
    with pytest.raises(ValueError, match=r"one length, got shapes \(4,\) and \(3,\)"):
        procedural_pairs([0, 0, 1, 1], [0, 0, 0])
