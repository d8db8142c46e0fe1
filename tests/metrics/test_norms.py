import pytest
import torch

from facequal.metrics.norms import NormStatistics


def test_figures_are_those_of_all_batches() -> None:
    norms = [torch.rand(5, 1) * 30, torch.rand(3, 1) * 5, torch.rand(1, 1)]
    statistics = NormStatistics()
    for batch in norms:
        statistics.update(batch)
    together = torch.cat(norms).double()
    figures = statistics.compute()
    assert figures["mean"].item() == pytest.approx(together.mean().item(), rel=1e-6)
    assert figures["std"].item() == pytest.approx(together.std().item(), rel=1e-6)
    assert figures["min"].item() == pytest.approx(together.min().item())
    assert figures["max"].item() == pytest.approx(together.max().item())


def test_one_sample_has_no_spread() -> None:
    statistics = NormStatistics()
    statistics.update(torch.tensor([[3.0]]))
    assert statistics.compute()["std"].item() == 0


def test_large_norms_keep_their_spread() -> None:
    statistics = NormStatistics()
    statistics.update(torch.tensor([10000.0, 10001.0, 10002.0]))
    assert statistics.compute()["std"].item() == pytest.approx(1.0, rel=1e-4)
