import numpy as np
import pytest
import torch

from facequal.metrics.norms import NormCorrelations, NormStatistics


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


def drawn(number: int, seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        "rescale.scale": torch.rand(number, generator=generator),
        "rotation.applied": torch.rand(number, generator=generator) < 0.5,
        "rotation.angle": torch.randn(number, generator=generator),
        "rotation.matrix": torch.randn(number, 2, 2, generator=generator),
        "rescale.quality": torch.full((number,), 75),
        "rescale.down_filter": torch.randint(5, (number,), generator=generator),
        "kernel_id": torch.randint(5, (number,), generator=generator),
    }


def test_correlations_are_those_of_all_batches() -> None:
    batches = [drawn(40), drawn(25, seed=1)]
    norms = [20 + 3 * batch["rescale.scale"] + 0.5 * batch["rotation.angle"] for batch in batches]
    correlations = NormCorrelations()
    for norm, batch in zip(norms, batches, strict=True):
        correlations.update(norm[:, None], batch)
    found = correlations.compute()
    norm, together = torch.cat(norms), {name: torch.cat([batch[name] for batch in batches]) for name in batches[0]}
    applied = together["rotation.applied"]
    expected = {
        "rescale.scale": np.corrcoef(norm, together["rescale.scale"])[0, 1],
        "rotation.applied": np.corrcoef(norm, applied)[0, 1],
        # Only the images that were rotated count.
        "rotation.angle": np.corrcoef(norm[applied], together["rotation.angle"][applied])[0, 1],
    }
    assert {name: value.item() for name, value in found.items()} == pytest.approx(expected, abs=1e-6)


def test_a_whole_chain_that_was_not_applied_does_not_count() -> None:
    batch = {"applied": torch.tensor([True, True, True, False]), "blur.sigma": torch.tensor([1.0, 2.0, 3.0, 90.0])}
    correlations = NormCorrelations()
    correlations.update(torch.tensor([3.0, 2.0, 1.0, 9.0]), batch)
    assert correlations.compute()["blur.sigma"].item() == pytest.approx(-1)


def test_correlations_begin_anew() -> None:
    correlations = NormCorrelations()
    correlations.update(torch.tensor([1.0, 2.0]), {"scale": torch.tensor([1.0, 2.0])})
    correlations.reset()
    correlations.update(torch.tensor([1.0, 2.0]), {"scale": torch.tensor([2.0, 1.0])})
    assert correlations.compute()["scale"].item() == -1


def test_nothing_drawn() -> None:
    correlations = NormCorrelations()
    correlations.update(torch.tensor([1.0, 2.0]), {})
    assert correlations.names == []
    assert correlations.compute() == {}
