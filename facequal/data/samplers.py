"""Orders of the training images."""

from collections.abc import Sized
from typing import Any

from torch import Tensor
from torchdata.stateful_dataloader.sampler import StatefulDistributedSampler


class EpochSampler(StatefulDistributedSampler):  # type: ignore[misc]  # torchdata is untyped
    """A seeded shuffle that is a pure function of (seed, epoch), dealt out to the ranks, with its place in checkpoints.

    It is a ``DistributedSampler``, with one rank too, because Lightning calls the ``set_epoch`` of such a one before
    every epoch and leaves it alone. It passes the epoch on to data sets that draw in their workers.

    Args:
        source: what to sample.
        shuffle: shuffle anew in every epoch; otherwise in order.
        seed: seed of the shuffle.
        rank: this process.
        world_size: number of processes.
        epoch_cells: int64 scalar tensors in shared memory that follow the epoch.
    """

    def __init__(
        self,
        source: Sized,
        *,
        shuffle: bool,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        epoch_cells: tuple[Tensor, ...] = (),
    ) -> None:
        # DistributedSampler adds seed and epoch; a large odd factor keeps neighbouring seeds from sharing their orders.
        mixed = (seed * 1_000_003) % 2**31
        super().__init__(source, world_size, rank, shuffle=shuffle, seed=mixed, drop_last=False)
        self.epoch_cells = epoch_cells

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of an epoch. Lightning calls it."""
        super().set_epoch(epoch)
        for cell in self.epoch_cells:
            cell.fill_(epoch)

    def state_dict(self) -> dict[str, Any]:
        """The place in the order, and the epoch the order belongs to."""
        return {**super().state_dict(), "epoch": self.epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a place. The epoch comes with it: workers fetch ahead before Lightning sets it."""
        self.set_epoch(state_dict["epoch"])
        super().load_state_dict(state_dict)
