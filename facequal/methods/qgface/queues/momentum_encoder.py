"""MoCo's second encoder, a slowly moving average of the one that is trained."""

import copy
from typing import Any

import torch
from torch import Tensor, nn


class MomentumEncoder(nn.Module):
    """A copy of an encoder that follows it: theta_k <- m theta_k + (1 - m) theta (MoCo, He et al., CVPR 2020).

    Its parameters take no gradient, and `forward` keeps no graph. Buffers, such as BatchNorm's running statistics, are
    copied at every update, not averaged. In training mode nothing depends on them, since BatchNorm then takes the
    statistics of the batch in both encoders, as in MoCo: those of the images that each of them sees, which are others
    where the trained one embeds two views at once. In evaluation mode the statistics are those of the trained encoder,
    of which this one is m / (1 - m) steps behind. MoCo shuffles the batch over GPUs so that BatchNorm cannot
    give positives away; that is not done here. Under DDP the copies on all ranks stay equal, because the parameters
    they follow are.

    >>> encoder = nn.Linear(1, 1, bias=False)
    >>> weight = nn.init.ones_(encoder.weight)
    >>> follower = MomentumEncoder(encoder, momentum=0.9)
    >>> weight = nn.init.constant_(encoder.weight, 2.0)
    >>> follower.update(encoder)
    >>> round(follower.encoder.weight.item(), 4)  # .9 1 + .1 2
    1.1

    Args:
        encoder: What to copy, with its weights already loaded.
        momentum: m.

    Attributes:
        encoder: The copy. It is part of the state dict.

    Raises:
        ValueError: If the momentum is outside [0, 1).
    """

    def __init__(self, encoder: nn.Module, momentum: float = 0.999) -> None:
        super().__init__()
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum must be in [0, 1), got {momentum}")
        self.momentum = momentum
        self.encoder = copy.deepcopy(encoder).requires_grad_(False)

    @torch.no_grad()
    def forward(self, *args: Any) -> Any:
        """Return what the copy returns for these inputs, without gradient."""
        return self.encoder(*args)

    @torch.no_grad()
    def update(self, encoder: nn.Module) -> None:
        """Move the parameters towards those of the encoder and copy its buffers; once per step.

        Args:
            encoder: The encoder that was copied, or one of the same architecture.

        Raises:
            ValueError: If names or shapes of its parameters or buffers are others.
        """
        copies, originals = _pairs(dict(self.encoder.named_parameters()), dict(encoder.named_parameters()))
        buffer_copies, buffers = _pairs(dict(self.encoder.named_buffers()), dict(encoder.named_buffers()))
        if copies:  # theta_k <- m theta_k + (1 - m) theta
            torch._foreach_lerp_(copies, originals, 1 - self.momentum)
        if buffer_copies:
            torch._foreach_copy_(buffer_copies, buffers)

    def extra_repr(self) -> str:
        """Return the momentum, for `print(encoder)`."""
        return f"momentum={self.momentum}"


def _pairs(copies: dict[str, Tensor], originals: dict[str, Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Return both sides in the same order."""
    names = copies.keys() | originals.keys()
    shapes = {name: [side[name].shape if name in side else None for side in (copies, originals)] for name in names}
    different = sorted(name for name, (one, other) in shapes.items() if one != other)
    if different:
        raise ValueError(f"the encoder is not the one that was copied: it differs in {', '.join(different[:10])}")
    return list(copies.values()), [originals[name] for name in copies]
