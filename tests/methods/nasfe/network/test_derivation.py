"""What a search is derived to, and what is watched on the way there."""

import math

import pytest
import torch
import torch.nn.functional as F

from facequal.methods.nasfe.network.derivation import derive_genotype, has_collapsed, search_statistics
from facequal.methods.nasfe.network.fusion import CellFusion
from facequal.methods.nasfe.network.operators import OPERATORS
from facequal.methods.nasfe.network.supernet import SearchFusion
from tests.methods.nasfe.network.tiny_search import fusion


@pytest.fixture
def x() -> torch.Tensor:
    return torch.rand(2, 12, 6, 5, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def searched() -> SearchFusion:
    fresh = fusion(std=0.0, partial=2)
    prefer(fresh, 0, "fft", 2.0)
    prefer(fresh, 1, "skip", 3.0)
    prefer(fresh, 2, "res2", 1.0)
    prefer(fresh, 3, "none", 9.0)  # strong, but no connection: the next best of equals
    prefer(fresh, 4, "skip", 2.0)
    return fresh


def prefer(fusion: SearchFusion, edge: int, name: str, by: float) -> None:
    with torch.no_grad():
        fusion.alpha[edge, OPERATORS.index(name)] += by


def test_strongest_edges_and_operators(searched):
    genotype = derive_genotype(searched, max_skips=None, run="here", seed=3)
    # block 1 has three inputs; the one that prefers none is the weakest
    assert genotype.nodes == ((("fft", 0), ("skip", 1)), (("res2", 0), ("skip", 2)))
    assert genotype.source == {"run": "here", "seed": 3}
    assert genotype.channels == 8


def test_edge_weights_count(searched):
    with torch.no_grad():
        searched.edge_weights[3] += 9.0
    edges = [edge for _, edge in derive_genotype(searched).nodes[1]]
    assert 1 in edges
    assert all(name != "none" for node in derive_genotype(searched).nodes for name, _ in node)


def test_skips_beyond_the_cap_take_the_next_operator(searched):
    prefer(searched, 4, "attn", 1.5)
    one = derive_genotype(searched, max_skips=1)
    assert one.nodes == ((("fft", 0), ("skip", 1)), (("res2", 0), ("attn", 2)))  # the weaker one gave way
    assert "skip" not in derive_genotype(searched, max_skips=0).counts
    with pytest.raises(ValueError, match="max_skips must be at least 0 or None, got -1"):
        derive_genotype(searched, max_skips=-1)


def test_sources(searched):
    with torch.no_grad():
        searched.beta[1] = torch.tensor([[5.0, 0.0, 0.0], [3.0, 0.0, 9.0]])  # both want 0, the first more
        searched.beta[2] = torch.tensor([[0.0, 0.0, 1.0], [2.0, 0.0, 0.0]])
    assert derive_genotype(searched).cells == ((0, 0), (0, 1), (2, 0))
    fixed = fusion(std=0.0, network_search=False, partial=2)
    assert derive_genotype(fixed).cells == ((0, 0), (0, 1), (1, 2))


def test_the_derived_network_runs(searched, x):
    assert CellFusion(derive_genotype(searched), 12)(x).shape == x.shape


def test_inputs_may_be_the_cells_alone(x):
    searched = fusion(blocks=12, partial=2, block_inputs="cells")
    assert searched.space.num_edges == 24
    genotype = derive_genotype(searched)
    assert {source for node in genotype.nodes for _, source in node} == {0, 1}
    assert CellFusion(genotype, 12)(x).shape == x.shape


def test_statistics(searched):
    nothing = search_statistics(fusion(std=0.0, partial=2))
    assert nothing["entropy"] == pytest.approx(1.0, abs=1e-6)
    assert nothing["edge_entropy"] == pytest.approx(1.0, abs=1e-6)
    assert nothing["share/fft"] == pytest.approx(1 / 11)
    statistics = search_statistics(searched)
    assert statistics["skip_fraction"] == pytest.approx(3 / 5)  # of equals, beside "none", the skip is the first
    probabilities = F.softmax(searched.alpha.detach().double(), 1)
    entropy = -(probabilities * probabilities.log()).sum(1).mean() / math.log(11)
    assert statistics["entropy"] == pytest.approx(float(entropy), abs=1e-6)
    assert statistics["max_probability"] == pytest.approx(float(probabilities.amax(1).mean()), abs=1e-6)
    assert sum(value for name, value in statistics.items() if name.startswith("share/")) == pytest.approx(1.0, abs=1e-5)
    assert has_collapsed(statistics)
    assert not has_collapsed({"skip_fraction": 0.5})
