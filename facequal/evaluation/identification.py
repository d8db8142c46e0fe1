"""From the embeddings of a set at several image qualities to the results of a search in its gallery."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from facequal.data.protocols.gallery import GallerySearch
from facequal.degradations.suites import resolution_suite
from facequal.evaluation.verification import view_columns
from facequal.metrics.identification import rank_accuracy
from facequal.reports.results import Result


def evaluate_search(
    embeddings: Mapping[str, Tensor],
    search: GallerySearch,
    labels: ArrayLike,
    *,
    clean: str,
    conditions: Sequence[str],
    ranks: Sequence[int] = (1,),
    seed: int | None = None,
) -> list[Result]:
    """Evaluate a search: its rank-k accuracy per condition and view.

    In `cross-resolution` the gallery is taken from the clean view and the probes from the view of the column, in
    `same-resolution` both from the view of the column.

    Args:
        embeddings: (N, D) embeddings of the N images for each view, as for `verification.evaluate_pairs`.
        search: Which images are gallery and probes.
        labels: Identity of every image, int (N,).
        clean: The view of undegraded images.
        conditions: Some of `cross-resolution` and `same-resolution`.
        ranks: The numbers k.
        seed: Written into the results.

    Raises:
        ValueError: If there is no clean view where one is needed, or `rank_accuracy` cannot do with the search.

    >>> search = GallerySearch("mine", gallery=np.array([0, 1]), probes=np.array([2]))
    >>> views = {"112": torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.8, 0.6]])}
    >>> (result,) = evaluate_search(views, search, [0, 1, 0], clean="112", conditions=["cross-resolution"])
    >>> result.column, result.metric, result.value
    ('112 px', 'rank-1', 1.0)
    """
    identity = torch.as_tensor(np.asarray(labels))
    gallery, probes = torch.as_tensor(search.gallery), torch.as_tensor(search.probes)
    results = []
    for condition in conditions:
        gallery_is_clean = resolution_suite(condition).degraded == "second"
        if gallery_is_clean and clean not in embeddings:
            raise ValueError(f"{search.name}: no clean view {clean!r} among the embeddings of {list(embeddings)}")
        for view, column in view_columns(embeddings).items():
            known = embeddings[clean if gallery_is_clean else view]
            shares = rank_accuracy(embeddings[view][probes], identity[probes], known[gallery], identity[gallery], ranks)
            for rank, share in zip(ranks, shares, strict=True):
                head = (search.name, condition, column, f"rank-{rank}", share)
                results.append(Result(*head, num=len(probes), seed=seed))
    return results
