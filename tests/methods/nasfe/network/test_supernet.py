"""The search space, against loops."""

import pytest
import torch
import torch.nn.functional as F

from facequal.methods.nasfe.network.operators import OPERATORS, Res2Block
from facequal.methods.nasfe.network.supernet import MixedOperator, SearchFusion, SearchSpace, shuffle_channels
from tests.methods.nasfe.network.tiny_search import SMALL, fusion


@pytest.fixture
def x() -> torch.Tensor:
    return torch.rand(2, 12, 6, 5, generator=torch.Generator().manual_seed(1))


def test_published_sizes():
    """21.9 million weights in the cells, 1.7 with a quarter of the channels; 90 edges by 11 operators."""
    whole, partial = (SearchFusion(SearchSpace(cells=1, partial=k)) for k in (1, 4))
    for search, expected in ((whole, 21.9), (partial, 1.7)):
        assert round(3 * sum(p.numel() for p in search.cells.parameters()) / 1e6, 1) == expected  # three alike
        assert search.alpha.shape == (90, 11)
        assert search.edge_weights.shape == (90,)
    # affine norms would make up for alpha; those within Res2Blocks belong to the block
    inside = {id(layer) for block in partial.modules() if isinstance(block, Res2Block) for layer in block.modules()}
    norms = [layer for layer in partial.modules() if isinstance(layer, torch.nn.GroupNorm) and id(layer) not in inside]
    assert norms
    assert not any(layer.affine for layer in norms)


@pytest.mark.parametrize(
    "options", [{}, {"partial": 1}, {"edge_norm": False}, {"network_search": False}, {"block_inputs": "cells"}]
)
def test_the_sums_of_the_paper(options, x):
    search = fusion(**({"partial": 2, "checkpointing": False} | options))
    space, states = search.space, [search.enter(x)]
    for number, cell in enumerate(search.cells):
        if space.network_search:
            ports = [F.softmax(search.beta[number, port, : number + 1], 0) for port in (0, 1)]
            inputs = [sum(w * state for w, state in zip(port, states, strict=True)) for port in ports]
        else:
            inputs = [states[max(0, number - 1)], states[number]]
        blocks, edge = [enter(each) for enter, each in zip(cell.enter, inputs, strict=True)], 0
        for i in range(space.blocks):
            num = 2 if space.block_inputs == "cells" else i + 2
            strengths = F.softmax(search.edge_weights[edge : edge + num], 0) if space.edge_norm else torch.ones(num)
            total = torch.zeros_like(blocks[0])
            for j in range(num):
                mixed, taken = cell.blocks[i].edges[j], 8 // space.partial
                probabilities = F.softmax(search.alpha[edge + j], 0)
                part = sum(p * o(blocks[j][:, :taken]) for p, o in zip(probabilities, mixed.operators, strict=True))
                z = torch.cat((part, blocks[j][:, taken:]), 1)
                if space.partial > 1:
                    z = z.view(2, space.partial, -1, 6, 5).transpose(1, 2).flatten(1, 2)
                total = total + strengths[j] * z
            blocks.append(total)
            edge += num
        states.append(torch.cat(blocks[2:], 1))
    torch.testing.assert_close(search(x), x + search.leave(states[-1]), atol=1e-5, rtol=1e-4)


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
