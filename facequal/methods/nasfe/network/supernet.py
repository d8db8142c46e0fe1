"""The fusion while it is searched: every block adds up every operator on every input, weighted by alpha and beta."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from facequal.choices import require_choice
from facequal.methods.nasfe.network.cell import project
from facequal.methods.nasfe.network.genotype import NUM_CELLS
from facequal.methods.nasfe.network.operators import OPERATORS, build_operator

BlockInputs = Literal["all", "cells"]
_INITIAL_STD = 1e-3


@dataclass(frozen=True)
class SearchSpace:
    """What is searched, and how the search fits into memory.

    Attributes:
        blocks: Blocks of a cell.
        channels: Channels within a cell, a multiple of 4.
        cells: Cells of the fusion; all have the same blocks.
        partial: k of partial channels (PC-DARTS, Xu et al. 2020): the first channels / k go through the operators, the
            others pass, and channels are shuffled. 1 takes all.
        edge_norm: Weigh a block's inputs by a softmax of edge weights of their own, which partial channels need to
            be stable; False weighs all by 1.
        network_search: Search the cells' sources too. False takes the two outputs before, the fusion's input first
            (the paper's equation 6).
        checkpointing: Compute each block anew in the backward pass and keep its output alone.
        block_inputs: What a block's inputs are searched among: "all" that is there, the cell's two inputs and the
            blocks before (equations 4 and 5), or the two inputs alone, "cells" (a sentence of the text).

    Raises:
        ValueError: If a number is out of its range, `partial` does not divide the channels into 4 or more, or the block
            inputs are unknown.
    """

    blocks: int = 12
    channels: int = 40
    cells: int = NUM_CELLS
    partial: int = 4
    edge_norm: bool = True
    network_search: bool = True
    checkpointing: bool = True
    block_inputs: BlockInputs = "all"

    def __post_init__(self) -> None:
        require_choice("block_inputs", self.block_inputs, BlockInputs)
        if min(self.blocks, self.cells, self.partial) < 1:
            raise ValueError(f"blocks, cells and partial must be at least 1, got {self}")
        if self.channels < 4 or self.channels % 4:
            raise ValueError(f"channels must be a positive multiple of 4, got {self.channels}")
        if self.channels % self.partial or self.channels // self.partial < 4 or self.channels // self.partial % 2:
            raise ValueError(
                f"partial={self.partial} must divide the {self.channels} channels into an even number of 4 or more"
            )

    @property
    def num_inputs(self) -> list[int]:
        """Inputs of every block, which are its first: block i has i + 2, or 2."""
        return [2 if self.block_inputs == "cells" else number + 2 for number in range(self.blocks)]

    @property
    def num_edges(self) -> int:
        """Edges of a cell."""
        return sum(self.num_inputs)


class MixedOperator(nn.Module):
    """All operators on the first channels / k of an edge, weighted; the other channels pass.

    Args:
        channels: C.
        partial: k.
    """

    def __init__(self, channels: int, partial: int) -> None:
        super().__init__()
        self.partial = partial
        self.searched = channels // partial
        self.operators = nn.ModuleList(build_operator(name, self.searched, affine=False) for name in OPERATORS)

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        """Return the mixture (B,C,h,w) of all operators on `x` (B,C,h,w), by weights (11,)."""
        part = x[:, : self.searched]  # (B,C/k,h,w)
        # sum_o softmax(alpha_ij)_o O_o(Z_j) (equation 5)
        mixed = torch.stack([weight * operator(part) for weight, operator in zip(weights, self.operators, strict=True)])
        if self.partial == 1:
            return mixed.sum(0)
        return shuffle_channels(torch.cat((mixed.sum(0), x[:, self.searched :]), dim=1), self.partial)


def shuffle_channels(x: Tensor, groups: int) -> Tensor:
    """Move channel g c + i to i groups + g, with c channels per group: the next edge's first channels come from all.

    >>> shuffle_channels(torch.arange(6).view(1, 6, 1, 1), groups=2).flatten().tolist()
    [0, 3, 1, 4, 2, 5]

    Args:
        x: (B,C,h,w).
        groups: A divisor of C.
    """
    batch, channels, height, width = x.shape
    return x.view(batch, groups, channels // groups, height, width).transpose(1, 2).reshape(x.shape)


class SearchBlock(nn.Module):
    """One block: the weighted sum of mixed operators over all its inputs.

    Args:
        space: The search space.
        num_inputs: Inputs of this block.
    """

    def __init__(self, space: SearchSpace, num_inputs: int) -> None:
        super().__init__()
        self.edges = nn.ModuleList(MixedOperator(space.channels, space.partial) for _ in range(num_inputs))

    def forward(self, weights: Tensor, edge_weights: Tensor, *inputs: Tensor) -> Tensor:
        """Return Z_i (B,C,h,w) of inputs Z_j (B,C,h,w), by operator weights (inputs, 11) and edge weights (inputs,)."""
        terms = zip(self.edges, inputs, weights, edge_weights, strict=True)
        return torch.stack([strength * edge(x, of_edge) for edge, x, of_edge, strength in terms]).sum(0)


class SearchCell(nn.Module):
    """A cell of mixed operators; the output is the concatenation of all blocks.

    Args:
        space: The search space.
    """

    def __init__(self, space: SearchSpace) -> None:
        super().__init__()
        out = space.blocks * space.channels
        self.checkpointing = space.checkpointing
        self.enter = nn.ModuleList(project(out, space.channels, affine=False) for _ in range(2))
        self.blocks = nn.ModuleList(SearchBlock(space, number) for number in space.num_inputs)

    def forward(self, first: Tensor, second: Tensor, weights: Sequence[Tensor], edges: Sequence[Tensor]) -> Tensor:
        """Fuse two inputs (B,blocks*C,h,w) into one, by each block's operator and edge weights."""
        states = [enter(x) for enter, x in zip(self.enter, (first, second), strict=True)]
        for block, of_operators, of_edges in zip(self.blocks, weights, edges, strict=True):
            inputs = states[: len(of_edges)]
            if self.checkpointing and torch.is_grad_enabled():
                states.append(checkpoint(block, of_operators, of_edges, *inputs, use_reentrant=False))
            else:
                states.append(block(of_operators, of_edges, *inputs))
        return torch.cat(states[2:], dim=1)


class SearchFusion(nn.Module):
    """The fusion network while it is searched; its weights are `weight_parameters`, what is searched the others.

    Block i of every cell computes Z_i = sum_j w_ij sum_o softmax(alpha_ij)_o O_o(Z_j) over the cell's two inputs and
    the blocks before, w_i = softmax of the edge weights (equations 4 and 5, with PC-DARTS's edge weights). Cell l takes
    s0 and s1, each a softmax mixture of the fusion's input and the outputs of the cells before, by beta.

    The paper also writes that a block's inputs are the two cells before alone (`SearchSpace.block_inputs`).

    Args:
        space: The search space.
        channels: C of the input and the output.

    Attributes:
        alpha: (edges, 11), block by block, inputs in order; one for all cells.
        edge_weights: (edges,).
        beta: (cells, 2, cells), source j of port p of cell l at [l, p, j]; those with j > l are not used.
    """

    def __init__(self, space: SearchSpace, channels: int = 192) -> None:
        super().__init__()
        self.space = space
        out = space.blocks * space.channels
        self.enter = nn.Conv2d(channels, out, 1)  # so that sources have the same channels; not in the derived network
        self.cells = nn.ModuleList(SearchCell(space) for _ in range(space.cells))
        self.leave = nn.Conv2d(out, channels, 1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]
        self.alpha = nn.Parameter(_INITIAL_STD * torch.randn(space.num_edges, len(OPERATORS)))
        self.edge_weights = nn.Parameter(_INITIAL_STD * torch.randn(space.num_edges))
        self.beta = nn.Parameter(_INITIAL_STD * torch.randn(space.cells, 2, space.cells))

    def forward(self, x: Tensor) -> Tensor:
        """Fuse features (B,C,h,w) of all encoders by the cells as they are mixed now."""
        weights, edges = self.operator_weights(), self.input_weights()
        states = [self.enter(x)]
        for number, cell in enumerate(self.cells):
            mixtures = self.source_weights(number)
            # s_p = sum_j softmax(beta_lp)_j Z^j over the fusion's input and the cells before
            s0, s1 = (sum(weight * state for weight, state in zip(port, states, strict=True)) for port in mixtures)
            states.append(cell(s0, s1, weights, edges))
        fused: Tensor = x + self.leave(states[-1])
        return fused

    def operator_weights(self) -> tuple[Tensor, ...]:
        """Return softmax(alpha) of each block, (inputs, 11)."""
        return torch.split(F.softmax(self.alpha, dim=1), self.space.num_inputs)

    def input_weights(self) -> list[Tensor]:
        """Return weights of each block's inputs, (inputs,)."""
        parts = torch.split(self.edge_weights, self.space.num_inputs)
        if not self.space.edge_norm:  # the edge weights stay in the graph: under DDP every parameter needs a gradient
            return [torch.ones_like(part) + 0.0 * part for part in parts]
        return [F.softmax(part, dim=0) for part in parts]

    def source_weights(self, cell: int) -> Tensor:
        """Return weights of the sources of a cell's two ports, (2, cell + 1)."""
        if self.space.network_search:
            return F.softmax(self.beta[cell, :, : cell + 1], dim=1)
        fixed = torch.zeros(2, cell + 1, device=self.beta.device)
        fixed[0, max(0, cell - 1)] = fixed[1, cell] = 1.0
        return fixed + 0.0 * self.beta[cell, :, : cell + 1]

    def architecture_parameters(self) -> list[nn.Parameter]:
        """Return what is searched: alpha, edge weights, beta."""
        return [self.alpha, self.edge_weights, self.beta]
