import numpy as np
import pytest
import torch
from scipy.interpolate import interp1d
from scipy.optimize import brentq
from sklearn import metrics as sklearn_metrics
from sklearn.metrics import roc_auc_score

from facequal.metrics.roc import roc_curve


def random_scores(seed, num_pairs=300, decimals=None):
    """Overlapping scores of genuine and impostor pairs; few decimals make many ties."""
    rng = np.random.default_rng(seed)
    is_same = rng.permutation(np.arange(num_pairs) < num_pairs // 3)
    scores = rng.normal(np.where(is_same, 0.4, 0.0), 0.3).clip(-1, 1)
    return torch.tensor(scores if decimals is None else scores.round(decimals)), torch.tensor(is_same)


@pytest.mark.parametrize("decimals", [None, 2, 1])
@pytest.mark.parametrize("seed", range(5))
def test_roc_equals_scikit_learn(seed, decimals):
    scores, is_same = random_scores(seed, decimals=decimals)
    far, tar, thresholds = sklearn_metrics.roc_curve(is_same.numpy(), scores.numpy(), drop_intermediate=False)
    curve = roc_curve(scores, is_same)
    np.testing.assert_array_equal(curve.far.numpy(), far)
    np.testing.assert_array_equal(curve.tar.numpy(), tar)
    np.testing.assert_array_equal(curve.threshold.numpy(), thresholds)
    assert (curve.num_genuine, curve.num_impostor) == (100, 200)


@pytest.mark.parametrize("decimals", [None, 1])
def test_auc_equals_scikit_learn_and_counted_pairs(decimals):
    scores, is_same = random_scores(0, decimals=decimals)
    genuine, impostor = scores[is_same][:, None], scores[~is_same][None]
    counted = (genuine > impostor).double().mean() + (genuine == impostor).double().mean() / 2
    assert roc_curve(scores, is_same).auc() == pytest.approx(roc_auc_score(is_same.numpy(), scores.numpy()), abs=1e-13)
    assert roc_curve(scores, is_same).auc() == pytest.approx(float(counted), abs=1e-13)


@pytest.mark.parametrize("decimals", [None, 2, 1])
@pytest.mark.parametrize("seed", range(5))
def test_eer_is_where_the_straight_lines_cross_the_diagonal(seed, decimals):
    scores, is_same = random_scores(seed, decimals=decimals)
    far, tar, _ = sklearn_metrics.roc_curve(is_same.numpy(), scores.numpy(), drop_intermediate=False)
    # A tiny slope makes the vertical parts a function, which interp1d needs.
    line = interp1d(far + 1e-13 * np.arange(len(far)), tar, fill_value="extrapolate")
    expected = brentq(lambda x: 1 - x - line(x), 0, 1)
    assert roc_curve(scores, is_same).eer() == pytest.approx(expected, abs=1e-9)


def test_eer_by_hand():
    # From the top (FAR, TAR) = (0, .5), (.5, .5), (.5, 1), (1, 1): FAR = 1 - TAR at (.5, .5).
    assert roc_curve(torch.tensor([4.0, 3.0, 2.0, 1.0]), torch.tensor([1, 0, 1, 0])).eer() == 0.5
    # Perfectly separated: from (0, 1) on, no errors.
    assert roc_curve(torch.tensor([4.0, 3.0, 2.0, 1.0]), torch.tensor([1, 1, 0, 0])).eer() == 0.0
    # Perfectly wrong.
    assert roc_curve(torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([1, 1, 0, 0])).eer() == 1.0


def test_constant_scores_are_chance():
    scores, is_same = torch.full((10,), 0.3), torch.arange(10) < 4
    assert roc_curve(scores, is_same).auc() == 0.5
    assert roc_curve(scores, is_same).eer() == 0.5
    # All ten are accepted or none: no FAR between 0 and 1 lets anybody in.
    assert roc_curve(scores, is_same).tar_at_far([0.5, 1.0]).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("decimals", [None, 1])
@pytest.mark.parametrize("seed", range(5))
def test_tar_at_far_is_the_largest_acceptance_set_that_keeps_to_the_target(seed, decimals):
    scores, is_same = random_scores(seed, decimals=decimals)
    fars = [0.005, 0.01, 0.05, 0.1, 0.3, 1.0]
    expected = []
    for target in fars:
        best = 0.0
        for threshold in scores:
            accepted = scores >= threshold
            if accepted[~is_same].sum().item() / 200 <= target:
                best = max(best, accepted[is_same].sum().item() / 100)
        expected.append(best)
    assert roc_curve(scores, is_same).tar_at_far(fars).tolist() == expected


def test_tar_at_far_accepts_equal_scores_all_or_none():
    scores = torch.tensor([0.9, 0.5, 0.5, 0.5, 0.1, 0.0])
    is_same = torch.tensor([True, True, False, False, False, False])
    # At 0.5 the genuine pair comes with two of four impostors.
    assert roc_curve(scores, is_same).tar_at_far([0.25, 0.49, 0.5]).tolist() == [0.5, 0.5, 1.0]


@pytest.mark.parametrize(("num_impostor", "far"), [(1000, 1e-3), (3000, 1e-3), (100, 0.29), (7, 3 / 7), (10, 0.3)])
def test_a_target_that_is_a_whole_number_of_impostors_is_met_exactly(num_impostor, far):
    allowed = round(num_impostor * far)
    # Impostors at 1, 2, ..., one genuine pair just below the last one allowed and one below the next.
    impostors = -torch.arange(num_impostor, dtype=torch.float64)
    scores = torch.cat([impostors, torch.tensor([-(allowed - 1) - 0.5, -allowed - 0.5])])
    is_same = torch.arange(num_impostor + 2) >= num_impostor
    assert roc_curve(scores, is_same).tar_at_far([far]).item() == 0.5


def test_targets_below_one_impostor_are_nan():
    scores, is_same = random_scores(0)  # 200 impostors
    for rule in ("at_most", "nearest"):
        tars = roc_curve(scores, is_same).tar_at_far([1 / 201, 1e-3, 1 / 200], rule)
        assert tars.isnan().tolist() == [True, True, False]


@pytest.mark.parametrize("decimals", [None, 2, 1])
@pytest.mark.parametrize("seed", range(10))
def test_nearest_equals_the_published_ijb_procedure(seed, decimals):
    scores, is_same = random_scores(seed, num_pairs=900, decimals=decimals)
    fars = [0.002, 0.0025, 0.004, 0.01, 0.1, 0.2501]
    far, tar, _ = sklearn_metrics.roc_curve(is_same.numpy(), scores.numpy())
    far, tar = np.flipud(far), np.flipud(tar)
    expected = [tar[min(zip(abs(far - target), range(len(far)), strict=True))[1]] for target in fars]
    np.testing.assert_array_equal(roc_curve(scores, is_same).tar_at_far(fars, "nearest").numpy(), expected)


def test_nearest_can_exceed_the_target():
    curve = roc_curve(torch.tensor([0.9, 0.8, 0.7, 0.6, 0.5]), torch.tensor([0, 1, 0, 0, 1]))
    assert curve.tar_at_far([0.6], "at_most").item() == 0.5  # FAR 1/3
    assert curve.tar_at_far([0.9], "nearest").item() == 1.0  # FAR 1
    assert curve.tar_at_far([0.9], "at_most").item() == 0.5  # FAR 2/3


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_dtypes_and_integer_labels(dtype):
    scores, is_same = random_scores(3)
    scores = scores.to(dtype).requires_grad_()
    expected = roc_auc_score(is_same.numpy(), scores.detach().double().numpy())
    assert roc_curve(scores, is_same.long()).auc() == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize(
    ("scores", "is_same", "message"),
    [
        ([0.1, 0.2, 0.3], [True, True, True], "3 genuine and 0 impostor"),
        ([0.1, 0.2], [False, False], "0 genuine and 2 impostor"),
        ([], [], "0 genuine and 0 impostor"),
        ([0.1, float("nan"), float("inf")], [True, False, False], "2 of 3 scores are not finite"),
        ([0.1, 0.2, 0.3], [0, 1, 2], r"only 0 and 1 .*\[0, 1, 2\]"),
        ([0.1, 0.2, 0.3], [True, False], r"shape \(P,\), got \(3,\) and \(2,\)"),
        ([[0.1, 0.2]], [[True, False]], r"got \(1, 2\) and \(1, 2\)"),
    ],
)
def test_bad_input_is_named(scores, is_same, message):
    with pytest.raises(ValueError, match=message):
        roc_curve(torch.tensor(scores), torch.tensor(is_same))


def test_bad_targets_and_rules_are_named():
    scores, is_same = random_scores(0)
    for far in (0.0, -0.1, 1.5, float("nan")):
        with pytest.raises(ValueError, match=r"must be in \(0, 1\], got"):
            roc_curve(scores, is_same).tar_at_far([0.1, far])
    with pytest.raises(ValueError, match=r"rule must be one of \('at_most', 'nearest'\), got 'below'"):
        roc_curve(scores, is_same).tar_at_far([0.1], "below")
