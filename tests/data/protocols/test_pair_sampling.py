import numpy as np
import pytest

from facequal.data.protocols.pair_sampling import sample_pairs


@pytest.mark.parametrize("counts", [[5, 5, 5, 5], [1, 1, 30, 2, 2], [4, 9]])
def test_sampled_pairs_are_in_the_order_of_lfw_and_distinct(counts):
    labels = np.random.default_rng(1).permutation(np.repeat(np.arange(len(counts)) * 3, counts))
    pairs, is_same = sample_pairs(labels, 24, folds=3, seed=5)
    assert pairs.dtype == np.int64
    assert is_same.tolist() == ([True] * 4 + [False] * 4) * 3
    assert ((labels[pairs[:, 0]] == labels[pairs[:, 1]]) == is_same).all()
    assert (pairs[:, 0] != pairs[:, 1]).all()
    assert len({tuple(sorted(pair)) for pair in pairs.tolist()}) == 24


def test_sampling_is_reproducible_and_depends_on_the_seed():
    labels = np.repeat(np.arange(10), 6)
    first, again, other = (sample_pairs(labels, 40, seed=seed)[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_sampling_can_use_every_pair():
    labels = np.array([0, 1, 0, 1, 2, 0])
    # same: 3 + 1; different: 15 - 4 = 11
    pairs, _ = sample_pairs(labels, 8, folds=2, seed=3)
    assert {tuple(sorted(pair)) for pair in pairs[[0, 1, 4, 5]].tolist()} == {(0, 2), (0, 5), (2, 5), (1, 3)}
    labels = np.array([0, 0, 0, 0, 1])
    pairs, _ = sample_pairs(labels, 8, folds=1)
    assert {tuple(sorted(pair)) for pair in pairs[4:].tolist()} == {(0, 4), (1, 4), (2, 4), (3, 4)}


def test_sampling_draws_people_evenly_and_impostors_uniformly():
    labels = np.repeat([0, 1, 2, 3], [40, 10, 10, 2])
    drawn_people, second_first = np.zeros(4), 0
    pair_counts: dict[tuple[int, int], int] = {}
    for seed in range(200):
        pairs, is_same = sample_pairs(labels, 20, folds=1, seed=seed)
        drawn_people += np.bincount(labels[pairs[is_same][:, 0]], minlength=4)
        second_first += int((pairs[:, 0] > pairs[:, 1]).sum())
        for left, right in np.sort(labels[pairs[~is_same]], axis=1).tolist():
            pair_counts[left, right] = pair_counts.get((left, right), 0) + 1
    assert abs(drawn_people[3] / 200 - (1 - 0.75**10)) < 0.06  # its only pair, unless nobody asked for it in ten draws
    np.testing.assert_allclose(drawn_people[:3] / drawn_people[:3].sum(), 1 / 3, atol=0.04)
    assert abs(second_first / 4000 - 0.5) < 0.04
    expected = {(0, 1): 400, (0, 2): 400, (0, 3): 80, (1, 2): 100, (1, 3): 20, (2, 3): 20}
    total = sum(expected.values())
    for key, weight in expected.items():
        assert abs(pair_counts[key] / 2000 - weight / total) < 0.04


@pytest.mark.parametrize(
    ("labels", "num_pairs", "message"),
    [
        ([0, 0, 1, 1], 30, "positive multiple of 2 x folds = 20, got 30"),
        ([0, 0, 1, 1], 0, "got 0"),
        (
            [0, 0, 1, 1],
            20,
            "10 pairs of each kind wanted, the images allow 2 of the same person and 4 of different ones",
        ),
        ([0] * 10, 20, "45 of the same person and 0 of different"),
        (list(range(10)), 20, "allow 0 of the same person and 45"),
        ([], 20, "allow 0 of the same person and 0"),
    ],
)
def test_impossible_samples_are_errors(labels, num_pairs, message):
    with pytest.raises(ValueError, match=message):
        sample_pairs(np.array(labels, dtype=np.int64), num_pairs)
