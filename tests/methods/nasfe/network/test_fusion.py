"""The fusion: cells in their order, or Res2Blocks."""

import torch

from facequal.methods.nasfe.network.fusion import CellFusion, Res2Fusion
from facequal.methods.nasfe.network.genotype import Genotype
from facequal.methods.nasfe.network.operators import Res2Block

GENOTYPE = Genotype(
    nodes=((("fft", 0), ("res2", 1)), (("skip", 1), ("deveil", 2))), cells=((0, 0), (0, 1), (2, 1)), channels=8
)


def test_cells_take_their_sources() -> None:
    torch.manual_seed(0)
    fusion, x = CellFusion(GENOTYPE, 12), torch.rand(2, 12, 6, 4)
    assert torch.equal(fusion(x), x)  # at first
    torch.nn.init.normal_(fusion.leave.weight)
    one = fusion.cells[0](x, x)
    two = fusion.cells[1](x, one)
    three = fusion.cells[2](two, one)
    torch.testing.assert_close(fusion(x), x + fusion.leave(three))
    assert three.shape == (2, 16, 6, 4)


def test_the_baseline() -> None:
    fusion = Res2Fusion(8, number=3)
    assert [type(layer) for layer in fusion] == [Res2Block] * 3
    assert sum(parameter.numel() for parameter in Res2Fusion().parameters()) == 4 * sum(
        parameter.numel() for parameter in Res2Block(192).parameters()
    )
