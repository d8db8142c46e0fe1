import math

import pytest
import torch
from torch import Tensor

from facequal.metrics import identification
from facequal.metrics.identification import rank_accuracy


def ranks_by_loop(probes: Tensor, labels: Tensor, gallery: Tensor, known: Tensor) -> list[int]:
    """Rank of every probe's person, probe by probe and person by person."""
    found = []
    for probe, label in zip(probes, labels.tolist(), strict=True):
        nearest: dict[int, float] = {}
        for row, person in zip(gallery, known.tolist(), strict=True):
            cosine = float(torch.dot(probe, row) / probe.norm() / row.norm())
            nearest[person] = max(nearest.get(person, -2.0), cosine)
        found.append(1 + sum(person != label and score >= nearest[label] for person, score in nearest.items()))
    return found


@pytest.mark.parametrize("at_once", [1, 1 << 24])
def test_against_a_loop(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identification, "_SCORES_AT_ONCE", at_once)
    generator = torch.Generator().manual_seed(0)
    known = torch.tensor([40, 7, 7, 3, 40, 12, 40])
    gallery = torch.randn(7, 3, generator=generator, dtype=torch.float64)
    labels = known[torch.randint(7, (50,), generator=generator)]
    probes = torch.randn(50, 3, generator=generator, dtype=torch.float64) * 5
    ranks = torch.tensor(ranks_by_loop(probes, labels, gallery, known))
    assert set(ranks.tolist()) == {1, 2, 3, 4}
    expected = [(ranks <= k).double().mean().item() for k in (1, 2, 3, 5)]
    assert rank_accuracy(probes, labels, gallery, known, (1, 2, 3, 5)) == pytest.approx(expected, abs=1e-12)


def test_a_tie_counts_against_the_probe() -> None:
    gallery = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    found = rank_accuracy(torch.tensor([[1.0, 0.0]]), torch.tensor([5]), gallery, torch.tensor([5, 6]), (1, 2))
    assert found == [0.0, 1.0]


def test_a_probe_that_is_not_a_number_is_not_found() -> None:
    probes = torch.tensor([[torch.nan, 1.0], [0.0, 1.0]])
    gallery, known = torch.eye(2), torch.tensor([5, 6])
    assert rank_accuracy(probes, torch.tensor([6, 6]), gallery, known, (1, 2)) == [0.5, 1.0]
    assert rank_accuracy(torch.eye(2), known, gallery * torch.nan, known) == [0.0]


def test_no_probes() -> None:
    found = rank_accuracy(torch.empty(0, 2), torch.empty(0, dtype=torch.int64), torch.eye(2), torch.tensor([0, 1]))
    assert math.isnan(found[0])


@pytest.mark.parametrize(
    ("labels", "gallery", "known", "ranks", "message"),
    [
        ([1, 9], torch.eye(2), [1, 2], (1,), "person 9 of probe 1 is not in the gallery"),
        ([1, 1], torch.empty(0, 2), [], (1,), "person 1 of probe 0 is not in the gallery"),
        ([1, 1], torch.eye(3), [1, 2, 3], (1,), r"got \(2, 2\), \(3, 3\)"),
        ([1], torch.eye(2), [1, 2], (1,), r"probe_labels must be \(2,\), got \(1,\)"),
        ([1, 1], torch.eye(2), [1], (1,), r"gallery_labels must be \(2,\), got \(1,\)"),
        ([1, 1], torch.eye(2), [1, 2], (0,), r"ranks must be at least 1, got \[0\]"),
    ],
)
def test_what_does_not_fit(labels: list[int], gallery: Tensor, known: list[int], ranks: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rank_accuracy(torch.ones(2, 2), torch.tensor(labels), gallery, torch.tensor(known, dtype=torch.int64), ranks)
