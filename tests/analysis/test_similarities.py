"""Similarities, refusals and partitions, by hand."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from facequal.analysis.similarities import (
    Similarities,
    all_similarities,
    draw_error_versus_reject,
    draw_partition,
    draw_similarities,
    error_versus_reject,
    similarities,
)


@pytest.mark.parametrize("at_once", [1, 24, 1 << 24])
def test_best_of_one_and_of_the_others(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facequal.analysis.similarities._COSINES_AT_ONCE", at_once)
    torch.manual_seed(0)
    probes, gallery = F.normalize(torch.randn(9, 4)), F.normalize(torch.randn(12, 4))
    labels, owners = torch.arange(9) % 3, torch.arange(12) % 4
    found = similarities(probes, labels, gallery, owners)
    for n in range(9):
        cosines = [float(probes[n] @ gallery[m]) for m in range(12)]
        own = [c for c, owner in zip(cosines, owners.tolist(), strict=True) if owner == labels[n]]
        others = [c for c, owner in zip(cosines, owners.tolist(), strict=True) if owner != labels[n]]
        assert float(found.matched[n]) == pytest.approx(max(own), abs=1e-6)
        assert float(found.unmatched[n]) == pytest.approx(max(others), abs=1e-6)
    assert found.gap == pytest.approx(float(found.matched.mean() - found.unmatched.mean()))
    with pytest.raises(ValueError, match="every probe needs its own person and another one"):
        similarities(probes, labels + 7, gallery, owners)
    with pytest.raises(ValueError, match="every probe needs its own person and another one"):
        similarities(probes, labels, gallery[:0], owners[:0])
    assert similarities(probes[:0], labels[:0], gallery, owners).matched.shape == (0,)


def test_all_pairs_of_a_queue() -> None:
    torch.manual_seed(0)
    probes, keys = F.normalize(torch.randn(5, 4)), torch.randn(12, 4)
    labels, owners = torch.arange(5) % 3, torch.arange(12) % 4
    found = all_similarities(probes, labels, keys, owners)
    pairs = [
        (float(F.cosine_similarity(p, k, dim=0)), bool(a == b))
        for p, a in zip(probes, labels, strict=True)
        for k, b in zip(keys, owners, strict=True)
    ]
    assert sorted(found.matched.tolist()) == pytest.approx(sorted(c for c, same in pairs if same), abs=1e-6)
    assert sorted(found.unmatched.tolist()) == pytest.approx(sorted(c for c, same in pairs if not same), abs=1e-6)
    fewer = all_similarities(probes, labels, keys, owners, at_most=7)
    assert len(fewer.matched) == len(fewer.unmatched) == 7
    assert set(fewer.unmatched.tolist()) <= set(found.unmatched.tolist())
    with pytest.raises(ValueError, match="both positive and negative pairs are needed"):
        all_similarities(probes, labels + 7, keys, owners)


def test_refusing_by_a_quality_that_tells_and_by_one_that_does_not() -> None:
    generator = np.random.default_rng(0)
    same = np.arange(4000) % 2 == 0
    quality = generator.uniform(0, 1, 4000)
    cosines = np.where(same, quality, 0) + generator.normal(0, 0.1, 4000)
    shares, rates = error_versus_reject(cosines, same, quality, fmr=0.01)
    threshold = np.quantile(cosines[~same], 0.99)
    assert rates[0] == pytest.approx((cosines[same] <= threshold).mean())
    kept = quality >= np.sort(quality)[round(shares[10] * 4000)]
    assert rates[10] == pytest.approx((cosines[same & kept] <= threshold).mean())
    assert rates[0] > 0.2
    assert rates[-1] < 0.01
    _, by_lot = error_versus_reject(cosines, same, generator.uniform(0, 1, 4000))
    assert np.ptp(by_lot) < 0.05
    with pytest.raises(ValueError, match="both pairs of one person and pairs of strangers"):
        error_versus_reject(cosines, np.ones(4000, dtype=bool), quality)
    with pytest.raises(ValueError, match=r"must be in \(0, 1\), got 0 and 0\.5"):
        error_versus_reject(cosines, same, quality, fmr=0)
    quality[:3] = np.nan
    with pytest.raises(ValueError, match="3 of 4000 values of quality are not finite"):
        error_versus_reject(cosines, same, quality)


def test_pictures() -> None:
    one = Similarities(torch.rand(50) / 2 + 0.5, torch.rand(50) / 2)
    two = Similarities(one.matched - 0.25, one.unmatched)
    figure = draw_similarities({"7 px": one, "112 px": two}, {"7 px": two, "112 px": two})
    assert figure.axes[0].get_title() == f"7 px\ngap {one.gap:.3f} (+0.250)"
    assert figure.axes[1].get_title().endswith("(+0.000)")
    beyond = Similarities(torch.tensor([1.0000001]), torch.tensor([-0.9]))  # rounding; far below
    bars = [bar.get_height() for bar in draw_similarities({"all": beyond}).axes[0].patches]
    assert np.flatnonzero(bars).tolist() == [63, 64]  # the last bin of the first histogram, the first of the second
    curve = (np.linspace(0, 0.5, 3), np.array([0.1, 0.05, 0.0]))
    assert draw_error_versus_reject({"norm": curve}).axes[0].get_legend() is not None
    quality = torch.tensor([0.1, 0.9, 0.3, 0.2, 0.8])
    partition = draw_partition(torch.rand(5, 3, 8, 8), quality, threshold=0.25, num=2)
    titles = [axes.get_title() for axes in partition.axes]
    assert titles == ["0.10", "0.20", "0.30", "0.80", "0.90", ""]
    assert partition.get_suptitle() == "2 of 5 below 0.25"
    with pytest.raises(ValueError, match="no images to draw"):
        draw_partition(torch.rand(0, 3, 8, 8), torch.rand(0), threshold=0.25)
    with pytest.raises(ValueError, match="no cosines to draw: 7 px"):
        draw_similarities({"7 px": Similarities(torch.rand(0), torch.rand(3))})
