"""From the embeddings of a verification set at several image qualities to its results and ROC curves."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facequal.degradations.suites import RESOLUTION_SUITES, resolution_suite
from facequal.metrics.roc import RocCurve, roc_curve
from facequal.metrics.verification import AccuracyRule, accuracy_interval, kfold_accuracy, pair_scores
from facequal.reports.curves import CurveKey
from facequal.reports.results import Result, column_order

CONDITIONS = tuple(RESOLUTION_SUITES)

_PAIRS_AT_ONCE = 1 << 16


class PairEvaluation(NamedTuple):
    """What `evaluate_pairs` returns: the figures, and the ROC curve of each (protocol, condition, column)."""

    results: list[Result]
    curves: dict[CurveKey, RocCurve]


def evaluate_pairs(
    embeddings: Mapping[str, Tensor],
    pairs: Tensor | NDArray[Any],
    is_same: Tensor | NDArray[Any],
    *,
    protocol: str,
    folds: int = 10,
    rule: AccuracyRule = "grid",
    clean: str = "112",
    conditions: Sequence[str] = CONDITIONS,
    fars: Sequence[float] = (1e-4, 1e-3, 1e-2),
    seed: int | None = None,
) -> PairEvaluation:
    """Evaluate one set of pairs, per condition and view.

    Per condition and view the metrics are `accuracy` (with its standard deviation over the folds and its 95 % Wilson
    interval), `auc`, `eer`, and `tar@far=...` for those FARs that are at least 1 / number of impostor pairs. In
    `cross-resolution` the first image of each pair is taken from the clean view and the second from the view of the
    column; in `same-resolution` both are from the view of the column. So the clean view itself gives the same figures
    in both.

    Args:
        embeddings: (N, D) floating embeddings of the N images of the set for each view, e.g. `{"7": ..., "112": ...}`.
            A view named by digits is a size and becomes the column "7 px"; other names are taken as they are.
        pairs: (P, 2) integer image numbers in [0, N), in the protocol's order.
        is_same: (P,) bool, True for a genuine pair.
        protocol: Name of the set, for the results.
        folds: Number of folds of the accuracy.
        rule: `grid` or `exact`, see `kfold_accuracy`.
        clean: The view of undegraded images; needed for `cross-resolution`.
        conditions: Some of `cross-resolution` and `same-resolution`.
        fars: Target false acceptance rates, each in (0, 1].
        seed: Written into the results.

    Returns:
        The results, and the curves. A set without pairs gives NaN for accuracy, AUC and EER, and no curves.

    Raises:
        ValueError: If shapes or numbers do not fit, a view or condition is unknown, an embedding is not finite or has
            zero length (the first such image is named), or `kfold_accuracy` or `RocCurve.tar_at_far` cannot do with
            the pairs.
    """
    degraded = {condition: resolution_suite(condition).degraded for condition in conditions}
    if "second" in degraded.values() and clean not in embeddings:
        raise ValueError(f"{protocol}: no clean view {clean!r} among the embeddings of {list(embeddings)}")
    pairs, is_same = _on_cpu(pairs), _on_cpu(is_same)
    _check_embeddings(embeddings, protocol)
    _check_pairs(pairs, is_same, next(iter(embeddings.values())).shape[0], protocol)
    evaluation = PairEvaluation([], {})
    for condition in conditions:
        for view, column in view_columns(embeddings).items():
            head = Result(protocol, condition, column, metric="", value=math.nan, num=len(pairs), seed=seed)
            first = embeddings[clean if degraded[condition] == "second" else view]
            scores = _scores(first, embeddings[view], pairs)
            evaluation.results.append(_accuracy(head, scores, is_same, folds, rule))
            curve = roc_curve(scores, is_same) if len(pairs) else None
            evaluation.results.extend(_roc_results(head, curve, fars))
            if curve is not None:
                evaluation.curves[protocol, condition, column] = curve
    return evaluation


def tar_metric(far: float) -> str:
    """Return the name of the metric at a FAR, without rounding.

    >>> tar_metric(0.001), tar_metric(0.0025)
    ('tar@far=1e-3', 'tar@far=2.5e-3')
    """
    digits = Decimal(repr(float(far)))  # the shortest digits that give this float
    exponent = digits.adjusted()
    return f"tar@far={digits.scaleb(-exponent).normalize():f}e{exponent}"


def _on_cpu(values: Tensor | NDArray[Any]) -> Tensor:
    # Copied, as record arrays are often read-only memory maps, for which PyTorch warns.
    return values.cpu() if isinstance(values, Tensor) else torch.from_numpy(np.array(values))


def _check_embeddings(embeddings: Mapping[str, Tensor], protocol: str) -> None:
    shapes = {view: tuple(embedding.shape) for view, embedding in embeddings.items()}
    if not shapes or len(set(shapes.values())) > 1 or any(len(shape) != 2 for shape in shapes.values()):
        raise ValueError(f"{protocol}: the views need embeddings of one shape (N, D), got {shapes}")
    for view, embedding in embeddings.items():
        bad = ~embedding.isfinite().all(1)
        zero = ~bad & (embedding == 0).all(1)
        for rows, fault in ((bad, "are not finite"), (zero, "have zero length")):
            if rows.any():
                raise ValueError(
                    f"{protocol}: {int(rows.sum())} of {len(rows)} embeddings of view {view!r} {fault}, "
                    f"first that of image {int(rows.nonzero()[0])}"
                )


def _check_pairs(pairs: Tensor, is_same: Tensor, num_images: int, protocol: str) -> None:
    if pairs.ndim != 2 or pairs.shape[1] != 2 or is_same.shape != pairs.shape[:1]:
        raise ValueError(
            f"{protocol}: need pairs (P, 2) and is_same (P,), got {tuple(pairs.shape)} and {tuple(is_same.shape)}"
        )
    outside = ((pairs < 0) | (pairs >= num_images)).any(1).nonzero()[:, 0]
    if outside.numel():
        first = int(outside[0])
        raise ValueError(
            f"{protocol}: pair {first} names images {pairs[first].tolist()}, but there are embeddings of {num_images}"
        )


def view_columns(views: Iterable[str]) -> dict[str, str]:
    """Return the column of each view, in the order of the table.

    >>> view_columns(["112", "7", "Test-B"])
    {'7': '7 px', '112': '112 px', 'Test-B': 'Test-B'}
    """
    columns = {f"{view} px" if view.isdecimal() else view: view for view in views}
    return {columns[column]: column for column in column_order(columns)}


def _scores(first: Tensor, second: Tensor, pairs: Tensor) -> Tensor:
    """Return the cosine similarity (P,) float64 of each pair; in pieces, as IJB-C has 16 million pairs."""
    pairs = pairs.to(first.device)
    pieces = [pairs[start : start + _PAIRS_AT_ONCE] for start in range(0, max(len(pairs), 1), _PAIRS_AT_ONCE)]
    return torch.cat([pair_scores(first[piece[:, 0]], second[piece[:, 1]]).cpu() for piece in pieces])


def _accuracy(head: Result, scores: Tensor, is_same: Tensor, folds: int, rule: AccuracyRule) -> Result:
    head = replace(head, metric="accuracy", rule=rule, folds=folds)
    if not len(scores):
        return head
    try:
        accuracy = kfold_accuracy(scores, is_same, folds, rule)
    except ValueError as error:
        raise ValueError(f"{head.protocol}: {error}") from error
    return replace(head, value=accuracy.mean, std=accuracy.std, interval=accuracy_interval(accuracy.mean, len(scores)))


def _roc_results(head: Result, curve: RocCurve | None, fars: Sequence[float]) -> list[Result]:
    results = [
        replace(head, metric="auc", value=curve.auc() if curve else math.nan),
        replace(head, metric="eer", value=curve.eer() if curve else math.nan),
    ]
    if curve is None:
        return results
    for far, tar in zip(fars, curve.tar_at_far(fars).tolist(), strict=True):
        if not math.isnan(tar):
            results.append(replace(head, metric=tar_metric(far), value=tar, rule="at_most"))
    return results
