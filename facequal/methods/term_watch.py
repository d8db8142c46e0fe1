"""A watch over the terms of a loss."""

from collections.abc import Mapping

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor


class TermWatch:
    """Warns, once, of terms that outweigh the main one: their weight or their features are wrong.

    Args:
        main: name of the main term.
        largest_ratio: how many times the main term another may be, on average over the first steps.
        num_steps: how many steps these are.
    """

    def __init__(self, main: str, largest_ratio: float = 10.0, num_steps: int = 100) -> None:
        self.main, self.largest_ratio, self.num_steps = main, largest_ratio, num_steps
        self.sums: dict[str, Tensor] = {}

    def see(self, step: int, terms: Mapping[str, Tensor]) -> None:
        """Take the terms of a step, weighted, as scalars without a gradient."""
        if step < self.num_steps:
            for name, value in terms.items():
                self.sums[name] = self.sums.get(name, torch.zeros_like(value)) + value
        elif self.sums:
            ratios = {name: float(value / self.sums[self.main]) for name, value in self.sums.items()}
            self.sums = {}
            for name, ratio in ratios.items():
                if ratio > self.largest_ratio:
                    rank_zero_warn(
                        f"the {name} term of the loss was {ratio:.0f} times the {self.main} term "
                        f"over the first {self.num_steps} steps: its weight is too large"
                    )
