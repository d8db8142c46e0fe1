"""A cell against its sums."""

import math

import pytest
import torch

from facequal.methods.nasfe.network.cell import Cell, project
from facequal.methods.nasfe.network.genotype import Genotype


def test_blocks_add_up_their_edges() -> None:
    torch.manual_seed(0)
    genotype = Genotype(
        nodes=((("skip", 0), ("resop", 1)), (("fft", 0), ("skip", 2)), (("res2", 2), ("attn", 3))), channels=8
    )
    cell = Cell(genotype, inputs=(12, 6))
    first, second = torch.rand(2, 12, 5, 4), torch.rand(2, 6, 5, 4)
    z0, z1 = cell.enter[0](first), cell.enter[1](second)
    z2 = (z0 + cell.blocks[0][1](z1)) / math.sqrt(2)
    z3 = (cell.blocks[1][0](z0) + z2) / math.sqrt(2)
    z4 = (cell.blocks[2][0](z2) + cell.blocks[2][1](z3)) / math.sqrt(2)
    torch.testing.assert_close(cell(first, second), torch.cat((z2, z3, z4), 1))


@pytest.mark.parametrize("affine", [True, False])
def test_inputs_are_brought_to_the_channels_of_the_cell(affine: bool) -> None:
    layers = project(6, 16, affine)
    assert layers(torch.rand(1, 6, 3, 3)).shape == (1, 16, 3, 3)
    assert sum(parameter.numel() for parameter in layers.parameters()) == 6 * 16 + 2 * 16 * affine
