"""The cell that a genotype describes."""

import math

import torch
from torch import Tensor, nn

from facequal.methods.nasfe.network.genotype import Genotype
from facequal.methods.nasfe.network.operators import build_operator, group_norm


def project(channels: int, to: int, affine: bool = True) -> nn.Sequential:
    """Return the layers that bring a cell's input to the cell's channels: ReLU, 1x1 convolution, GN.

    Args:
        channels: Channels of the input.
        to: Channels of the cell.
        affine: Whether the GroupNorm has weights.
    """
    return nn.Sequential(nn.ReLU(), nn.Conv2d(channels, to, 1, bias=False), group_norm(to, affine=affine))


class Cell(nn.Module):
    """Blocks of two operators each; the output is the concatenation of all blocks.

    A block's sum is divided by the square root of its number of edges, so that sums do not grow from block to block.

    >>> genotype = Genotype(nodes=((("skip", 0), ("resop", 1)), (("fft", 0), ("attn", 2))), channels=8)
    >>> Cell(genotype, inputs=(12, 16))(torch.rand(1, 12, 5, 6), torch.rand(1, 16, 5, 6)).shape
    torch.Size([1, 16, 5, 6])

    Args:
        genotype: The cell.
        inputs: Channels of its two inputs.
    """

    def __init__(self, genotype: Genotype, inputs: tuple[int, int]) -> None:
        super().__init__()
        self.enter = nn.ModuleList(project(channels, genotype.channels) for channels in inputs)
        self.sources = [[source for _, source in node] for node in genotype.nodes]
        self.blocks = nn.ModuleList(
            nn.ModuleList(build_operator(name, genotype.channels) for name, _ in node) for node in genotype.nodes
        )

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Fuse two inputs (B,C0,h,w) and (B,C1,h,w) into (B,blocks*channels,h,w)."""
        states = [enter(x) for enter, x in zip(self.enter, (first, second), strict=True)]  # (B,C,h,w) each
        # Z_i = sum_j O_ij(Z_j) over the two edges that the search kept (equation 4)
        for operators, sources in zip(self.blocks, self.sources, strict=True):
            edges = [operator(states[source]) for operator, source in zip(operators, sources, strict=True)]  # type: ignore[call-overload]
            states.append(torch.stack(edges).sum(0) / math.sqrt(len(edges)))
        return torch.cat(states[2:], dim=1)
