"""The search space, against loops; what a search is derived to."""

import math

import pytest
import torch
import torch.nn.functional as F

from facequal.methods.nasfe.network.derivation import derive_genotype, has_collapsed, search_statistics
from facequal.methods.nasfe.network.fusion import CellFusion
from facequal.methods.nasfe.network.operators import OPERATORS, Res2Block
from facequal.methods.nasfe.network.supernet import MixedOperator, SearchFusion, SearchSpace, shuffle_channels

SMALL = {"blocks": 2, "channels": 8, "cells": 3}


def fusion(std: float = 0.3, **arguments) -> SearchFusion:
    torch.manual_seed(0)
    found = SearchFusion(SearchSpace(**(SMALL | arguments)), 12)
    for parameter in found.parameters():
        torch.nn.init.normal_(parameter, std=std)
    return found


@pytest.fixture
def x() -> torch.Tensor:
    return torch.rand(2, 12, 6, 5, generator=torch.Generator().manual_seed(1))


def test_published_sizes():
    """21.9 million weights in the cells, 1.7 with a quarter of the channels; 90 edges by 11 operators."""
    whole, partial = (SearchFusion(SearchSpace(cells=1, partial=k)) for k in (1, 4))
    for found, expected in ((whole, 21.9), (partial, 1.7)):
        assert round(3 * sum(p.numel() for p in found.cells.parameters()) / 1e6, 1) == expected  # three alike
        assert found.alpha.shape == (90, 11)
        assert found.edge_weights.shape == (90,)
    # affine norms would make up for alpha; those within Res2Blocks belong to the block
    inside = {id(layer) for block in partial.modules() if isinstance(block, Res2Block) for layer in block.modules()}
    norms = [layer for layer in partial.modules() if isinstance(layer, torch.nn.GroupNorm) and id(layer) not in inside]
    assert norms
    assert not any(layer.affine for layer in norms)


@pytest.mark.parametrize(
    "options", [{}, {"partial": 1}, {"edge_norm": False}, {"network_search": False}, {"block_inputs": "cells"}]
)
def test_the_sums_of_the_paper(options, x):
    found = fusion(**({"partial": 2, "checkpointing": False} | options))
    space, states = found.space, [found.enter(x)]
    for number, cell in enumerate(found.cells):
        if space.network_search:
            ports = [F.softmax(found.beta[number, port, : number + 1], 0) for port in (0, 1)]
            inputs = [sum(w * state for w, state in zip(port, states, strict=True)) for port in ports]
        else:
            inputs = [states[max(0, number - 1)], states[number]]
        blocks, edge = [enter(each) for enter, each in zip(cell.enter, inputs, strict=True)], 0
        for i in range(space.blocks):
            num = 2 if space.block_inputs == "cells" else i + 2
            strengths = F.softmax(found.edge_weights[edge : edge + num], 0) if space.edge_norm else torch.ones(num)
            total = torch.zeros_like(blocks[0])
            for j in range(num):
                mixed, taken = cell.blocks[i].edges[j], 8 // space.partial
                probabilities = F.softmax(found.alpha[edge + j], 0)
                part = sum(p * o(blocks[j][:, :taken]) for p, o in zip(probabilities, mixed.operators, strict=True))
                z = torch.cat((part, blocks[j][:, taken:]), 1)
                if space.partial > 1:
                    z = z.view(2, space.partial, -1, 6, 5).transpose(1, 2).flatten(1, 2)
                total = total + strengths[j] * z
            blocks.append(total)
            edge += num
        states.append(torch.cat(blocks[2:], 1))
    torch.testing.assert_close(found(x), x + found.leave(states[-1]), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("options", [{}, {"edge_norm": False}, {"network_search": False}, {"block_inputs": "cells"}])
def test_every_parameter_has_a_gradient_also_under_checkpointing(options, x):
    """DDP waits for all of them; blocks that are computed anew give the same gradients."""
    kept, anew = (fusion(partial=2, checkpointing=checkpointing, **options) for checkpointing in (False, True))
    anew.load_state_dict(kept.state_dict())
    for each in (kept, anew):
        each(x).square().sum().backward()
    for (name, one), other in zip(kept.named_parameters(), anew.parameters(), strict=True):
        assert one.grad is not None, name
        assert torch.equal(one.grad, other.grad), name


def test_checkpointing_keeps_less(x):
    def kept_bytes(checkpointing: bool) -> int:
        kept: dict[int, int] = {}

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            kept[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            fusion(blocks=4, partial=2, checkpointing=checkpointing)(x.repeat(1, 1, 4, 4))
        return sum(kept.values())

    assert kept_bytes(True) < kept_bytes(False) / 4


def test_mixed_operators_pass_the_other_channels():
    torch.manual_seed(0)
    mixed = MixedOperator(8, 2)
    x = torch.rand(1, 8, 3, 3)
    alone = torch.zeros(11)
    alone[OPERATORS.index("none")] = 1.0
    expected = torch.cat((torch.zeros(1, 4, 3, 3), x[:, 4:]), dim=1)
    assert torch.equal(mixed(x, alone), shuffle_channels(expected, 2))
    order = shuffle_channels(torch.arange(8.0).view(1, 8, 1, 1), 2).flatten().tolist()
    assert order == [0, 4, 1, 5, 2, 6, 3, 7]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"partial": 3}, "partial=3 must divide the 8 channels into an even number of 4 or more"),
        ({"partial": 4}, "partial=4 must divide the 8 channels"),
        ({"channels": 6}, "channels must be a positive multiple of 4, got 6"),
        ({"blocks": 0}, "blocks, cells and partial must be at least 1"),
        ({"block_inputs": "none"}, r"block_inputs must be one of \('all', 'cells'\), got 'none'"),
    ],
)
def test_spaces_that_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        SearchSpace(**(SMALL | arguments))


class TestDerivation:
    @pytest.fixture
    def searched(self) -> SearchFusion:
        found = fusion(std=0.0, partial=2)
        self.prefer(found, 0, "fft", 2.0)
        self.prefer(found, 1, "skip", 3.0)
        self.prefer(found, 2, "res2", 1.0)
        self.prefer(found, 3, "none", 9.0)  # strong, but no connection: the next best of equals
        self.prefer(found, 4, "skip", 2.0)
        return found

    @staticmethod
    def prefer(found: SearchFusion, edge: int, name: str, by: float) -> None:
        with torch.no_grad():
            found.alpha[edge, OPERATORS.index(name)] += by

    def test_strongest_edges_and_operators(self, searched):
        genotype = derive_genotype(searched, max_skips=None, run="here", seed=3)
        # block 1 has three inputs; the one that prefers none is the weakest
        assert genotype.nodes == ((("fft", 0), ("skip", 1)), (("res2", 0), ("skip", 2)))
        assert genotype.source == {"run": "here", "seed": 3}
        assert genotype.channels == 8

    def test_edge_weights_count(self, searched):
        with torch.no_grad():
            searched.edge_weights[3] += 9.0
        edges = [edge for _, edge in derive_genotype(searched).nodes[1]]
        assert 1 in edges
        assert all(name != "none" for node in derive_genotype(searched).nodes for name, _ in node)

    def test_skips_beyond_the_cap_take_the_next_operator(self, searched):
        self.prefer(searched, 4, "attn", 1.5)
        one = derive_genotype(searched, max_skips=1)
        assert one.nodes == ((("fft", 0), ("skip", 1)), (("res2", 0), ("attn", 2)))  # the weaker one gave way
        assert "skip" not in derive_genotype(searched, max_skips=0).counts
        with pytest.raises(ValueError, match="max_skips must be at least 0 or None, got -1"):
            derive_genotype(searched, max_skips=-1)

    def test_sources(self, searched):
        with torch.no_grad():
            searched.beta[1] = torch.tensor([[5.0, 0.0, 0.0], [3.0, 0.0, 9.0]])  # both want 0, the first more
            searched.beta[2] = torch.tensor([[0.0, 0.0, 1.0], [2.0, 0.0, 0.0]])
        assert derive_genotype(searched).cells == ((0, 0), (0, 1), (2, 0))
        fixed = fusion(std=0.0, network_search=False, partial=2)
        assert derive_genotype(fixed).cells == ((0, 0), (0, 1), (1, 2))

    def test_the_derived_network_runs(self, searched, x):
        assert CellFusion(derive_genotype(searched), 12)(x).shape == x.shape

    def test_inputs_may_be_the_cells_alone(self, x):
        found = fusion(blocks=12, partial=2, block_inputs="cells")
        assert found.space.num_edges == 24
        genotype = derive_genotype(found)
        assert {source for node in genotype.nodes for _, source in node} == {0, 1}
        assert CellFusion(genotype, 12)(x).shape == x.shape

    def test_statistics(self, searched):
        nothing = search_statistics(fusion(std=0.0, partial=2))
        assert nothing["entropy"] == pytest.approx(1.0, abs=1e-6)
        assert nothing["edge_entropy"] == pytest.approx(1.0, abs=1e-6)
        assert nothing["share/fft"] == pytest.approx(1 / 11)
        found = search_statistics(searched)
        assert found["skip_fraction"] == pytest.approx(3 / 5)  # of equals, beside "none", the skip is the first
        probabilities = F.softmax(searched.alpha.detach().double(), 1)
        entropy = -(probabilities * probabilities.log()).sum(1).mean() / math.log(11)
        assert found["entropy"] == pytest.approx(float(entropy), abs=1e-6)
        assert found["max_probability"] == pytest.approx(float(probabilities.amax(1).mean()), abs=1e-6)
        assert sum(value for name, value in found.items() if name.startswith("share/")) == pytest.approx(1.0, abs=1e-5)
        assert has_collapsed(found)
        assert not has_collapsed({"skip_fraction": 0.5})
