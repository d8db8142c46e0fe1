"""Closed-set identification: whether the nearest faces of a gallery show the person of a probe."""

from collections.abc import Sequence

import torch
from torch import Tensor

_SCORES_AT_ONCE = 1 << 24  # of probes times gallery rows, 64 MB in float32


def rank_accuracy(
    probes: Tensor, probe_labels: Tensor, gallery: Tensor, gallery_labels: Tensor, ranks: Sequence[int] = (1,)
) -> list[float]:
    """Return the share of the probes whose person is among the k people nearest to them, for each k of `ranks`.

    The rank of a probe is 1 + the number of other people with a gallery row that is at least as near as the nearest
    row of the probe's own person: a tie counts against the probe, and so does a NaN. Nearness is the cosine.

    Args:
        probes: (P, D) embeddings, float; of any length.
        probe_labels: (P,) integer identities.
        gallery: (G, D) embeddings, one or more rows per person.
        gallery_labels: (G,) integer identities.
        ranks: The numbers k, each at least 1.

    Returns:
        One share in [0, 1] per rank; NaN without probes.

    Raises:
        ValueError: If shapes do not fit, a rank is below 1, or the gallery lacks the person of a probe.

    >>> gallery, people = torch.eye(3), torch.tensor([7, 8, 9])
    >>> probes = torch.tensor([[1.0, 0.1, 0.0], [0.6, 0.5, 0.0]])  # the second is nearer to person 7
    >>> rank_accuracy(probes, torch.tensor([7, 8]), gallery, people, ranks=(1, 2))
    [0.5, 1.0]
    """
    if any(rank < 1 for rank in ranks):
        raise ValueError(f"ranks must be at least 1, got {list(ranks)}")
    rank = probe_ranks(probes, probe_labels, gallery, gallery_labels).double()
    return [float((rank <= k).double().mean()) for k in ranks]


def probe_ranks(probes: Tensor, probe_labels: Tensor, gallery: Tensor, gallery_labels: Tensor) -> Tensor:
    """Return the rank of each probe's person among the people of the gallery, 1 for the nearest; see `rank_accuracy`.

    Args:
        probes: (P, D) embeddings, float; of any length.
        probe_labels: (P,) integer identities.
        gallery: (G, D) embeddings, one or more rows per person.
        gallery_labels: (G,) integer identities.

    Returns:
        int64 (P,), from 1.

    Raises:
        ValueError: If shapes do not fit, or the gallery lacks the person of a probe.

    >>> probe_ranks(torch.tensor([[0.6, 0.5]]), torch.tensor([8]), torch.eye(2), torch.tensor([7, 8]))
    tensor([2])
    """
    _check(probes, probe_labels, gallery, gallery_labels)
    people, column = torch.unique(gallery_labels, return_inverse=True)
    person = torch.searchsorted(people, probe_labels).clamp_(max=max(len(people) - 1, 0))
    missing = (people[person] != probe_labels) if len(people) else torch.ones_like(probe_labels, dtype=torch.bool)
    if missing.any():
        first = int(missing.nonzero()[0])
        raise ValueError(f"person {int(probe_labels[first])} of probe {first} is not in the gallery")
    normalised = torch.nn.functional.normalize(gallery)
    ranks = []
    step = max(1, _SCORES_AT_ONCE // max(1, len(gallery)))
    for start in range(0, len(probes), step):
        scores = torch.nn.functional.normalize(probes[start : start + step]) @ normalised.T
        best = scores.new_full((len(scores), len(people)), -torch.inf)
        best.scatter_reduce_(1, column.expand_as(scores), scores, "amax")
        mate = best.gather(1, person[start : start + step, None])
        ranks.append((~(best < mate)).sum(1))  # the probe's person is one of them; a NaN is never below
    return torch.cat(ranks) if ranks else probe_labels.new_empty(0, dtype=torch.int64)


def _check(probes: Tensor, probe_labels: Tensor, gallery: Tensor, gallery_labels: Tensor) -> None:
    if probes.ndim != 2 or gallery.ndim != 2 or probes.shape[1] != gallery.shape[1]:
        raise ValueError(f"need probes (P, D) and a gallery (G, D), got {tuple(probes.shape)}, {tuple(gallery.shape)}")
    for name, rows, labels in (("probe", probes, probe_labels), ("gallery", gallery, gallery_labels)):
        if labels.shape != rows.shape[:1]:
            raise ValueError(f"{name}_labels must be ({len(rows)},), got {tuple(labels.shape)}")
