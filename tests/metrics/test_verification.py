import time
from itertools import pairwise
from statistics import median

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from sklearn.model_selection import KFold

from facequal.metrics.verification import accuracy_interval, kfold_accuracy, pair_scores


def loop_over_grid(distances, is_same, folds):
    """The published procedure, word for word: thresholds 0, .01, ..., first maximum, folds in order."""
    thresholds = np.arange(0, 4, 0.01)
    chosen, accuracies = [], []
    for train, test in KFold(folds, shuffle=False).split(distances):
        train_accuracies = [np.mean((distances[train] < t) == is_same[train]) for t in thresholds]
        chosen.append(thresholds[np.argmax(train_accuracies)])
        accuracies.append(np.mean((distances[test] < chosen[-1]) == is_same[test]))
    return chosen, accuracies


def random_pairs(seed, num_pairs):
    rng = np.random.default_rng(seed)
    is_same = rng.random(num_pairs) < 0.5
    is_same[:2] = True, False
    cosines = rng.normal(np.where(is_same, 0.5, 0.1), 0.25).clip(-1, 1)
    return cosines, is_same


def assert_equals_loop(scores, distances, is_same, folds):
    chosen, accuracies = loop_over_grid(distances, is_same, folds)
    result = kfold_accuracy(torch.from_numpy(scores), torch.from_numpy(is_same), folds)
    np.testing.assert_array_equal(result.thresholds.numpy(), chosen)
    np.testing.assert_array_equal(result.accuracies.numpy(), accuracies)
    assert result.mean == np.mean(accuracies)
    assert result.std == np.std(accuracies)


@pytest.mark.parametrize(
    ("num_pairs", "folds"), [(600, 10), (607, 10), (19, 10), (10, 10), (33, 2), (101, 7), (3, 3), (5, 2)]
)
@pytest.mark.parametrize("seed", range(6))
def test_grid_equals_the_loop(seed, num_pairs, folds):
    cosines, is_same = random_pairs(seed, num_pairs)
    assert_equals_loop(cosines, 2 - 2 * cosines, is_same, folds)


@pytest.mark.parametrize("seed", range(6))
def test_grid_equals_the_loop_on_float32_distances(seed):
    cosines, is_same = random_pairs(seed, 250)
    distances = (2 - 2 * cosines).astype(np.float32)
    scores = 1 - distances.astype(np.float64) / 2  # exact, and so is 2 - 2 score
    np.testing.assert_array_equal(2 - 2 * scores, distances)
    assert_equals_loop(scores, distances, is_same, 5)


@pytest.mark.parametrize("seed", range(6))
def test_grid_equals_the_loop_on_the_grid_values_themselves(seed):
    rng = np.random.default_rng(seed)
    _, is_same = random_pairs(seed, 400)
    grid = np.arange(0, 4, 0.01)
    wanted = grid[rng.integers(0, 130, 400) + np.where(is_same, 0, 30)]
    scores = 1 - wanted / 2
    scores = rng.choice([scores, np.nextafter(scores, -2).clip(-1), np.nextafter(scores, 2).clip(None, 1)])
    distances = 2 - 2 * scores
    assert np.isin(distances, grid).sum() > 60
    assert_equals_loop(scores, distances, is_same, 10)


def test_grid_values_are_those_of_numpy():
    # Every threshold is found for some set: one genuine pair just below it in each fold, impostors far away.
    grid = np.arange(0, 4, 0.01)
    for threshold in grid[1:]:
        distances = np.array([threshold - 0.005, 4.0] * 2)
        result = kfold_accuracy(torch.from_numpy(1 - distances / 2), torch.tensor([True, False] * 2), folds=2)
        assert result.thresholds.tolist() == [threshold, threshold]


def test_the_first_maximum_is_taken_and_equal_distance_is_different():
    # Squared distances 0.25 (genuine) and 1 (impostor): every threshold in (0.25, 1] is perfect on the training folds.
    is_same = torch.tensor([True, False] * 4)
    scores = torch.where(is_same, 0.875, 0.5)
    result = kfold_accuracy(scores, is_same, folds=4)
    assert result.thresholds.tolist() == [0.26] * 4  # at 0.25 itself, 0.25 < 0.25 is false
    assert (result.mean, result.std) == (1.0, 0.0)


@pytest.mark.parametrize("score", [1.0, 1.0000001, 1.0005])
def test_identical_images_have_distance_zero(score):
    # The last fold trains on impostors with distance 0 alone, so the threshold 0, which accepts nothing, is best.
    scores, is_same = torch.full((4,), score), torch.tensor([False, False, True, True])
    result = kfold_accuracy(scores, is_same, folds=2)
    assert result.thresholds.tolist() == pytest.approx([0.01, 0.0])
    assert result.accuracies.tolist() == [0.0, 0.0]


def loop_over_cuts(distances, is_same, folds):
    """All midpoints of the sorted training distances and both ends, one after the other, in plain Python."""
    chosen, accuracies = [], []
    for train, test in KFold(folds, shuffle=False).split(distances):
        values = sorted(set(distances[train].tolist()))
        middles = [(a + b) / 2 for a, b in pairwise(values)]
        candidates = [values[0], *middles, np.nextafter(values[-1], np.inf)]
        correct = [np.sum((distances[train] < t) == is_same[train]) for t in candidates]
        chosen.append(candidates[int(np.argmax(correct))])
        accuracies.append(np.mean((distances[test] < chosen[-1]) == is_same[test]))
    return chosen, accuracies


@pytest.mark.parametrize("decimals", [None, 2, 1])
@pytest.mark.parametrize(("num_pairs", "folds"), [(200, 10), (57, 10), (9, 3), (3, 3)])
@pytest.mark.parametrize("seed", range(4))
def test_exact_equals_the_loop(seed, num_pairs, folds, decimals):
    cosines, is_same = random_pairs(seed, num_pairs)
    cosines = cosines if decimals is None else cosines.round(decimals)
    chosen, accuracies = loop_over_cuts(2 - 2 * cosines, is_same, folds)
    result = kfold_accuracy(torch.from_numpy(cosines), torch.from_numpy(is_same), folds, rule="exact")
    np.testing.assert_array_equal(result.thresholds.numpy(), chosen)
    np.testing.assert_array_equal(result.accuracies.numpy(), accuracies)


def test_exact_separates_neighbouring_floats():
    # Around 1.5 floats are 2.2e-16 apart and the midpoint of two neighbours rounds to one of them.
    for low in (1.5, np.nextafter(1.5, 2), 1.3, 1.7):
        distances = np.array([low, np.nextafter(low, 2)] * 4)
        is_same = torch.tensor([True, False] * 4)
        # Scores beyond [-1, 1] keep 2 - 2 score exact here.
        scores = torch.from_numpy(1 - distances / 2)
        assert (2 - 2 * scores).unique().numel() == 2
        assert kfold_accuracy(scores, is_same, folds=4, rule="exact").mean == 1.0


def test_exact_takes_any_scores_and_grid_only_cosines():
    is_same = torch.tensor([True, False] * 5)
    scores = torch.where(is_same, 60.0, 40.0)
    assert kfold_accuracy(scores, is_same, folds=5, rule="exact").mean == 1.0
    with pytest.raises(ValueError, match=r"cosines in \[-1, 1\], got scores from 40 to 60"):
        kfold_accuracy(scores, is_same, folds=5)


@pytest.mark.parametrize("rule", ["grid", "exact"])
def test_constant_scores_give_the_share_of_the_larger_class(rule):
    is_same = torch.tensor([True, False, False] * 10)
    result = kfold_accuracy(torch.full((30,), 0.5), is_same, folds=10, rule=rule)
    assert result.mean == pytest.approx(2 / 3)
    assert result.std == pytest.approx(0, abs=1e-15)


def test_the_order_of_pairs_matters_and_folds_are_not_shuffled():
    is_same = torch.arange(20) % 2 == 0
    scores = torch.where(is_same, 0.9, 0.1).masked_fill(torch.arange(20) < 2, 0.5)  # the first fold is hard
    result = kfold_accuracy(scores, is_same, folds=10)
    assert result.accuracies.tolist() == [0.5] + [1.0] * 9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rule": "best"}, r"rule must be one of \('grid', 'exact'\), got 'best'"),
        ({"folds": 1}, "at least 2 folds, got 1"),
        ({"folds": 21}, "20 pairs are too few for 21 folds"),
        ({"is_same": torch.ones(20).bool()}, "20 genuine and 0 impostor"),
        ({"is_same": torch.zeros(20).bool()}, "0 genuine and 20 impostor"),
        ({"scores": torch.full((20,), torch.nan)}, "20 of 20 scores are not finite"),
        ({"is_same": torch.ones(19).bool()}, r"got \(20,\) and \(19,\)"),
    ],
)
def test_bad_input_is_named(arguments, message):
    valid = {"scores": torch.rand(20), "is_same": torch.arange(20) < 10, "folds": 10, "rule": "grid"}
    kfold_accuracy(**valid)
    with pytest.raises(ValueError, match=message):
        kfold_accuracy(**valid | arguments)


@pytest.mark.slow
def test_grid_is_thirty_times_faster_than_the_loop():
    cosines, is_same = random_pairs(0, 6000)
    scores, labels = torch.from_numpy(cosines), torch.from_numpy(is_same)
    times = {"loop": [], "ours": []}
    for _ in range(5):
        for name, run in (
            ("loop", lambda: loop_over_grid(2 - 2 * cosines, is_same, 10)),
            ("ours", lambda: kfold_accuracy(scores, labels)),
        ):
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    assert median(times["loop"]) > 30 * median(times["ours"])


def test_pair_scores_are_cosines_and_give_the_squared_distance():
    torch.manual_seed(0)
    a, b = torch.nn.functional.normalize(torch.randn(2, 50, 32, dtype=torch.float64), dim=-1)
    scores = pair_scores(a, b)
    torch.testing.assert_close(2 - 2 * scores, (a - b).square().sum(1), rtol=0, atol=1e-14)
    torch.testing.assert_close(pair_scores(3 * a, 0.1 * b), scores, rtol=0, atol=1e-14)


def test_pair_scores_of_float32_have_float64_accuracy():
    torch.manual_seed(0)
    a, b = torch.nn.functional.normalize(torch.randn(2, 500, 512), dim=-1)
    a64, b64 = (torch.nn.functional.normalize(x.double(), dim=-1) for x in (a, b))
    torch.testing.assert_close(pair_scores(a, b), (a64 * b64).sum(1), rtol=0, atol=1e-14)
    assert pair_scores(a, a).dtype == torch.float64
    assert pair_scores(a, a).max() <= 1
    assert pair_scores(a, -a).min() >= -1
    torch.testing.assert_close(pair_scores(a, a), torch.ones(500, dtype=torch.float64), rtol=0, atol=1e-14)


def test_pair_scores_edge_cases():
    assert pair_scores(torch.zeros(0, 4), torch.zeros(0, 4)).shape == (0,)
    assert pair_scores(torch.tensor([[0.0, 0.0], [1.0, 0.0]]), torch.eye(2)).isnan().tolist() == [True, False]
    with pytest.raises(ValueError, match=r"got \(2, 3\) and \(2, 4\)"):
        pair_scores(torch.zeros(2, 3), torch.zeros(2, 4))
    with pytest.raises(ValueError, match=r"got \(3,\) and \(3,\)"):
        pair_scores(torch.zeros(3), torch.zeros(3))


@pytest.mark.parametrize(("correct", "num"), [(0, 10), (7, 10), (10, 10), (5821, 6000), (1, 1)])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_interval_equals_scipy(correct, num, confidence):
    expected = binomtest(correct, num).proportion_ci(confidence, method="wilson")
    assert accuracy_interval(correct / num, num, confidence) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((1.1, 5), "accuracy must be"), ((0.5, 0), "num_pairs must be"), ((0.5, 5, 1.0), "confidence must be")],
)
def test_interval_rejects(arguments, message):
    with pytest.raises(ValueError, match=message):
        accuracy_interval(*arguments)
