"""What fuses the three encoders' features: cells that a search found, or Res2Blocks as the baseline."""

from torch import Tensor, nn

from facequal.methods.nasfe.network.cell import Cell
from facequal.methods.nasfe.network.genotype import Genotype
from facequal.methods.nasfe.network.operators import Res2Block


class Res2Fusion(nn.Sequential):
    """The baseline: Res2Blocks one after the other.

    Args:
        channels: C, a multiple of 4.
        number: How many.
    """

    def __init__(self, channels: int = 192, number: int = 4) -> None:
        super().__init__(*(Res2Block(channels) for _ in range(number)))


class CellFusion(nn.Module):
    """The cells of a genotype, and a 1x1 convolution back; added to the input, and 0 at first.

    Args:
        genotype: The cell and the cells' sources.
        channels: C of the input and the output.

    Attributes:
        genotype: The genotype.
    """

    def __init__(self, genotype: Genotype, channels: int = 192) -> None:
        super().__init__()
        out = genotype.num_blocks * genotype.channels
        self.genotype = genotype
        self.cells = nn.ModuleList(
            Cell(genotype, (channels if s0 == 0 else out, channels if s1 == 0 else out)) for s0, s1 in genotype.cells
        )
        self.leave = nn.Conv2d(out, channels, 1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Fuse features (B,C,h,w) of all encoders."""
        states = [x]
        for cell, (s0, s1) in zip(self.cells, self.genotype.cells, strict=True):
            states.append(cell(states[s0], states[s1]))
        fused: Tensor = x + self.leave(states[-1])
        return fused
