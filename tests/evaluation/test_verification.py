import math

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from facequal.evaluation.verification import evaluate_pairs, tar_metric
from facequal.metrics.verification import accuracy_interval, kfold_accuracy


@pytest.fixture
def verification_set():
    """12 people with 3 images, 60 pairs, and embeddings that get worse with the resolution."""
    generator = torch.Generator().manual_seed(0)
    people = torch.randn(12, 8, generator=generator).repeat_interleave(3, 0)
    embeddings = {
        view: torch.nn.functional.normalize(people + noise * torch.randn(36, 8, generator=generator), dim=1)
        for view, noise in (("112", 0.2), ("7", 2.0), ("14", 0.8))
    }
    rng = np.random.default_rng(0)
    first = rng.integers(0, 36, 60)
    is_same = np.arange(60) % 2 == 0
    second = np.where(is_same, first // 3 * 3 + (first + 1) % 3, (first + 3 * rng.integers(1, 12, 60)) % 36)
    return embeddings, np.stack([first, second], 1), is_same


def evaluate(verification_set, **arguments):
    embeddings, pairs, is_same = verification_set
    return evaluate_pairs(embeddings, pairs, is_same, **{"protocol": "toy", "folds": 5} | arguments)


def value(results, condition, column, metric):
    (found,) = [r for r in results if (r.condition, r.column, r.metric) == (condition, column, metric)]
    return found


@pytest.mark.parametrize("condition", ["cross-resolution", "same-resolution"])
@pytest.mark.parametrize("view", ["7", "14", "112"])
def test_scores_take_each_image_from_its_view(verification_set, condition, view):
    embeddings, pairs, is_same = verification_set
    results, curves = evaluate(verification_set)
    first = embeddings["112" if condition == "cross-resolution" else view].double().numpy()
    second = embeddings[view].double().numpy()
    scores = np.array([first[i] @ second[j] for i, j in pairs])
    column = f"{view} px"
    assert value(results, condition, column, "auc").value == pytest.approx(roc_auc_score(is_same, scores), abs=1e-12)
    expected = kfold_accuracy(torch.from_numpy(scores), torch.from_numpy(is_same), 5)
    accuracy = value(results, condition, column, "accuracy")
    assert (accuracy.value, accuracy.std) == pytest.approx((expected.mean, expected.std))
    assert accuracy.interval == accuracy_interval(accuracy.value, 60)
    assert (accuracy.rule, accuracy.folds, accuracy.num, accuracy.unit) == ("grid", 5, 60, "fraction")
    curve = curves["toy", condition, column]
    assert value(results, condition, column, "eer").value == curve.eer()
    assert curve.num_impostor == 30


def test_results_are_in_the_order_of_the_table(verification_set):
    results, curves = evaluate(verification_set, fars=[0.1], seed=3)
    keys = [(r.condition, r.column, r.metric) for r in results]
    assert keys == [
        (condition, column, metric)
        for condition in ("cross-resolution", "same-resolution")
        for column in ("7 px", "14 px", "112 px")
        for metric in ("accuracy", "auc", "eer", "tar@far=1e-1")
    ]
    assert list(curves) == [("toy", *key[:2]) for key in keys[::4]]
    assert {(r.protocol, r.seed, r.num) for r in results} == {("toy", 3, 60)}


def test_the_clean_view_is_the_same_in_both_conditions_and_cross_differs_from_same(verification_set):
    results, _ = evaluate(verification_set)
    for metric in ("accuracy", "auc", "eer"):
        clean = [value(results, c, "112 px", metric).value for c in ("cross-resolution", "same-resolution")]
        assert clean[0] == clean[1]
    degraded = [value(results, c, "7 px", "auc").value for c in ("cross-resolution", "same-resolution")]
    assert degraded[0] != degraded[1]


def test_only_fars_that_the_impostors_allow(verification_set):
    results, _ = evaluate(verification_set, fars=[1e-3, 1 / 31, 1 / 30, 0.5])  # 30 impostor pairs
    metrics = {r.metric for r in results} - {"accuracy", "auc", "eer"}
    assert metrics == {tar_metric(1 / 30), "tar@far=5e-1"}
    assert {r.rule for r in results if r.metric == "tar@far=5e-1"} == {"at_most"}


def test_rules_are_passed_on(verification_set):
    results, _ = evaluate(verification_set, rule="exact", fars=[0.1])
    assert {(r.metric, r.rule) for r in results} == {
        *(("accuracy", "exact"), ("auc", ""), ("eer", "")),
        ("tar@far=1e-1", "at_most"),
    }


def test_tensors_read_only_arrays_and_pieces_give_the_same(verification_set, monkeypatch):
    embeddings, pairs, is_same = verification_set
    expected = evaluate(verification_set).results
    assert evaluate((embeddings, torch.from_numpy(pairs), torch.from_numpy(is_same))).results == expected
    pairs.setflags(write=False)
    is_same.setflags(write=False)
    monkeypatch.setattr("facequal.evaluation.verification._PAIRS_AT_ONCE", 7)
    assert evaluate((embeddings, pairs, is_same)).results == expected


def test_views_with_names(verification_set):
    embeddings, pairs, is_same = verification_set
    views = {"Test-B": embeddings["7"], "clean": embeddings["112"]}
    results, _ = evaluate((views, pairs, is_same), clean="clean", conditions=["cross-resolution"])
    assert list(dict.fromkeys(r.column for r in results)) == ["Test-B", "clean"]


def test_a_set_without_pairs_has_no_figures():
    empty = {"112": torch.zeros(0, 8), "7": torch.zeros(0, 8)}, np.zeros((0, 2), int), np.zeros(0, bool)
    results, curves = evaluate(empty)
    assert [r.metric for r in results] == ["accuracy", "auc", "eer"] * 4
    assert all(math.isnan(r.value) and r.num == 0 and r.std is None and r.interval is None for r in results)
    assert curves == {}


def with_rows(embeddings, view, rows, number):
    changed = embeddings[view].clone()
    changed[rows] = number
    return embeddings | {view: changed}


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (0.0, "toy: 2 of 36 embeddings of view '14' have zero length, first that of image 4"),
        (math.nan, "toy: 2 of 36 embeddings of view '14' are not finite, first that of image 4"),
        (math.inf, "are not finite"),
    ],
)
def test_bad_embeddings_are_named(verification_set, number, message):
    embeddings, pairs, is_same = verification_set
    with pytest.raises(ValueError, match=message):
        evaluate((with_rows(embeddings, "14", [4, 9], number), pairs, is_same))


def test_bad_arguments_are_named(verification_set):
    embeddings, pairs, is_same = verification_set
    with pytest.raises(ValueError, match="unknown suite 'cross'; known: cross-resolution, same-resolution"):
        evaluate(verification_set, conditions=["cross"])
    with pytest.raises(ValueError, match=r"toy: no clean view '224' among the embeddings of \['112', '7', '14'\]"):
        evaluate(verification_set, clean="224")
    evaluate(verification_set, clean="224", conditions=["same-resolution"])  # not needed there
    with pytest.raises(ValueError, match=r"toy: pair 5 names images \[36, 0\], but there are embeddings of 36"):
        evaluate((embeddings, np.concatenate([pairs[:5], [[36, 0]], pairs[6:]]), is_same))
    with pytest.raises(ValueError, match=r"toy: pair 0 names images \[-1, 0\]"):
        evaluate((embeddings, np.concatenate([[[-1, 0]], pairs[1:]]), is_same))
    with pytest.raises(ValueError, match=r"got \(60, 2\) and \(59,\)"):
        evaluate((embeddings, pairs, is_same[1:]))
    with pytest.raises(ValueError, match=r"one shape \(N, D\), got {'112': \(36, 8\), '7': \(35, 8\)"):
        evaluate((embeddings | {"7": embeddings["7"][1:]}, pairs, is_same))
    with pytest.raises(ValueError, match=r"toy: 60 pairs are too few for 61 folds"):
        evaluate(verification_set, folds=61)
    with pytest.raises(ValueError, match=r"toy: need genuine and impostor pairs, got 60 genuine and 0 impostor"):
        evaluate((embeddings, pairs, np.ones(60, bool)))


@pytest.mark.parametrize(
    ("far", "name"),
    [(1e-3, "1e-3"), (0.0025, "2.5e-3"), (1e-6, "1e-6"), (0.1, "1e-1"), (1, "1e0"), (np.float64(0.01), "1e-2")],
)
def test_tar_metric(far, name):
    assert tar_metric(far) == f"tar@far={name}"
