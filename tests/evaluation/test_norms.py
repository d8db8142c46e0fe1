import math

import numpy as np
import pytest
import torch

from facequal.evaluation.norms import norm_results


def test_means_and_correlation() -> None:
    norms = {7: torch.tensor([4.0, 6.0]), 112: torch.tensor([9.0, 8.0]), 28: torch.tensor([5.0, 9.0])}
    *means, correlation = norm_results(norms, "mine", seed=3)
    assert {r.column: (r.value, r.num) for r in means} == {"7 px": (5, 2), "112 px": (8.5, 2), "28 px": (7, 2)}
    sizes = np.log2([7, 7, 112, 112, 28, 28])
    assert correlation.value == pytest.approx(np.corrcoef([4, 6, 9, 8, 5, 9], sizes)[0, 1], abs=1e-9)
    assert (correlation.column, correlation.metric, correlation.num) == ("all px", "correlation", 6)
    assert {(r.protocol, r.condition, r.unit, r.seed) for r in (*means, correlation)} == {("mine", "norms", "", 3)}


@pytest.mark.parametrize("norms", [{112: torch.rand(4)}, {7: torch.ones(3), 14: torch.ones(3)}])
def test_nothing_to_correlate(norms: dict) -> None:
    assert math.isnan(norm_results(norms, "mine")[-1].value)
