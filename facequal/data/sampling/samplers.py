"""Orders of the training images."""

from abc import abstractmethod
from collections.abc import Iterator, Sized
from dataclasses import replace
from typing import Any, TypedDict, Unpack

import numpy as np
from lightning.pytorch.utilities import rank_zero_info
from numpy.typing import NDArray
from torch import Tensor
from torchdata.stateful_dataloader.sampler import StatefulDistributedSampler

from facequal.data.sampling.pair_plan import PairPlan, plan_identity_pairs
from facequal.data.source import FaceSource


class SamplerOptions(TypedDict, total=False):
    """What all samplers of training images take.

    Attributes:
        seed: Seed of all draws; 0 where it is left out.
        rank: This process; the first one where it is left out.
        world_size: Number of processes; one where it is left out.
        epoch_cells: int64 scalar tensors in shared memory that follow the epoch.
    """

    seed: int
    rank: int
    world_size: int
    epoch_cells: tuple[Tensor, ...]


class EpochSampler(StatefulDistributedSampler):  # type: ignore[misc]  # torchdata is untyped
    """A shuffle that is a pure function of (seed, epoch), dealt out to the ranks, with its position in checkpoints.

    It is a `DistributedSampler`, with one rank too, because Lightning calls the `set_epoch` of such a sampler before
    every epoch and does not replace it. It passes the epoch on to data sets that draw in their workers.

    Args:
        source: What to sample.
        shuffle: Shuffle anew in every epoch; otherwise in order.
        seed: See `SamplerOptions`.
        rank: See `SamplerOptions`.
        world_size: See `SamplerOptions`.
        epoch_cells: See `SamplerOptions`.
        smallest_batch: Fewest images of this rank that make a batch: the loader's batch size where it drops the last
            incomplete batch.

    Example:
        >>> ranks = [EpochSampler(range(6), shuffle=True, seed=1, rank=rank, world_size=2) for rank in range(2)]
        >>> [list(sampler) for sampler in ranks]
        [[4, 0, 2], [1, 3, 5]]
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
        smallest_batch: int = 1,
    ) -> None:
        # DistributedSampler adds seed and epoch; a large odd factor keeps neighbouring seeds from sharing their orders.
        mixed = (seed * 1_000_003) % 2**31
        super().__init__(source, world_size, rank, shuffle=shuffle, seed=mixed, drop_last=False)
        self.epoch_cells, self.smallest_batch = epoch_cells, smallest_batch

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of an epoch. Lightning calls it."""
        super().set_epoch(epoch)
        for cell in self.epoch_cells:
            cell.fill_(epoch)

    def state_dict(self) -> dict[str, Any]:
        """Return the position in the order, and the epoch that the order belongs to."""
        return {**super().state_dict(), "epoch": self.epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a position in an epoch; at the end of the epoch the next one begins.

        The epoch is loaded too, because workers fetch ahead before Lightning sets it. And Lightning counts on the next
        epoch: a checkpoint after the last step of an epoch would otherwise be followed by an epoch without a batch.
        """
        epoch, yielded = state_dict["epoch"], state_dict[self._YIELDED]
        if self.num_samples - yielded < self.smallest_batch:
            epoch, yielded = epoch + 1, 0
        self.set_epoch(epoch)
        super().load_state_dict({self._YIELDED: yielded})


class PlannedSampler(EpochSampler):
    """Batches that are planned as a whole: rank r of W gets the r-th part of every batch.

    So the parts in the order of the ranks are the batch. All epochs have the same number of batches.

    Args:
        source: What to sample.
        batch_size: B, images per batch over all ranks.
        **options: See `SamplerOptions`.

    Raises:
        ValueError: If the batch does not divide among the ranks.
    """

    next_yielded: int | None  # the parent's, untyped there

    def __init__(self, source: FaceSource, batch_size: int, **options: Unpack[SamplerOptions]) -> None:
        super().__init__(source, shuffle=True, **options)
        if batch_size % self.num_replicas:
            raise ValueError(f"batch_size={batch_size} does not divide among {self.num_replicas} processes")
        self.batch_size = batch_size

    @abstractmethod
    def batches(self) -> NDArray[np.int64]:
        """Return positions of the current epoch's batches, (batches, B)."""

    def set_num_batches(self, number: int) -> None:
        """Set the number of batches of every epoch."""
        self.num_batches = number
        self.num_samples = number * (self.batch_size // self.num_replicas)
        self.total_size = number * self.batch_size

    def __iter__(self) -> Iterator[int]:
        """Yield this rank's positions in the current epoch, from a loaded state on."""
        self.yielded = self.next_yielded or 0
        self.next_yielded = None
        share = self.batch_size // self.num_replicas
        positions = self.batches()[:, self.rank * share : (self.rank + 1) * share].ravel()
        for position in positions[self.yielded :]:
            self.yielded += 1
            yield int(position)


class AlternatingSampler(PlannedSampler):
    """Batches of one half of the identities and of the other in turn, the first half first: no person is in both.

    An epoch shuffles both halves, and ends with the smaller one.

    Args:
        source: What to sample.
        batch_size: B, images per batch over all ranks.
        **options: See `SamplerOptions`.

    Raises:
        ValueError: If the batch does not divide among the ranks, or a half has fewer images than a batch.
    """

    def __init__(self, source: FaceSource, batch_size: int, **options: Unpack[SamplerOptions]) -> None:
        super().__init__(source, batch_size, **options)
        people = np.random.default_rng([options.get("seed", 0), 0]).permutation(source.num_classes)
        first = np.isin(source.labels, people[: len(people) // 2])
        self.halves = (np.flatnonzero(first), np.flatnonzero(~first))
        if min(map(len, self.halves)) < batch_size:
            sizes = " and ".join(str(len(half)) for half in self.halves)
            raise ValueError(f"halves of {sizes} images for batches of {batch_size}")
        self.set_num_batches(2 * (min(map(len, self.halves)) // batch_size))

    def batches(self) -> NDArray[np.int64]:
        """Return positions (batches, B): even ones of the first half, odd ones of the second."""
        generator = np.random.default_rng([self.seed, self.epoch, 1])
        number = self.num_batches // 2
        planned = [
            generator.permutation(half)[: number * self.batch_size].reshape(number, self.batch_size)
            for half in self.halves
        ]
        return np.stack(planned, axis=1).reshape(self.num_batches, self.batch_size)


class IdentityPairSampler(PlannedSampler):
    """Batches of B/2 identities with two images each (see `plan_identity_pairs`), as a function of (seed, epoch).

    Lightning counts the batches once, while epochs differ by a few. So every epoch has as many batches as epoch 0: a
    longer one is cut, a shorter one is drawn again. Where `ATTEMPTS` draws do not reach the number, the longest of them
    begins anew at its end, and some pairs are seen twice.

    Args:
        source: What to sample.
        batch_size: B, images per batch over all ranks.
        groups: Group of every image, int64 (N,).
        identities_per_group: Identities of one group in a batch.
        **options: See `SamplerOptions`.

    Attributes:
        num_batches: Batches per epoch.

    Raises:
        ValueError: If the batch does not divide among the ranks, or `plan_identity_pairs` refuses its arguments.
    """

    ATTEMPTS = 20

    def __init__(
        self,
        source: FaceSource,
        batch_size: int,
        *,
        groups: NDArray[np.int64] | None = None,
        identities_per_group: int | None = None,
        **options: Unpack[SamplerOptions],
    ) -> None:
        super().__init__(source, batch_size, **options)
        self.labels, self.groups, self.identities_per_group = source.labels, groups, identities_per_group
        self._plan, self._planned_epoch = self._draw(epoch=0, attempt=0), 0
        self.set_num_batches(len(self._plan.batches))

    def batches(self) -> NDArray[np.int64]:
        """Return positions (batches, B) of the current epoch."""
        return self.plan.batches

    @property
    def plan(self) -> PairPlan:
        """The plan of the current epoch, of `num_batches` batches."""
        if self._planned_epoch != self.epoch:
            self._plan, self._planned_epoch = self._fitting_plan(self.epoch), self.epoch
        return self._plan

    @property
    def left_over(self) -> int:
        """Images of identities with two images or more that the current epoch does not use: a method logs them."""
        return self.plan.left_over

    def describe(self) -> str:
        """Return what an epoch holds and what it leaves out, as a sentence for the log."""
        plan = self.plan
        never = [
            f"{plan.single_image_identities} identities with a single image",
            f"{plan.small_group_identities} identities in groups with fewer than {self.identities_per_group} to draw",
            f"{plan.unknown_images} images of unknown people",
        ]
        never = [what for what in never if not what.startswith("0 ")]
        return (
            f"identity pairs: {self.num_batches} batches of {self.batch_size // 2} identities with 2 images per epoch; "
            f"{plan.left_over} images are left over in epoch {self.epoch}"
            + ("; never drawn: " + ", ".join(never) if never else "")
        )

    def _draw(self, epoch: int, attempt: int) -> PairPlan:
        generator = np.random.default_rng([self.seed, epoch, attempt])
        return plan_identity_pairs(self.labels, self.batch_size, generator, self.groups, self.identities_per_group)

    def _fitting_plan(self, epoch: int) -> PairPlan:
        """Return the first plan that is long enough, cut; otherwise the longest plan, begun anew at its end."""
        longest = self._draw(epoch, attempt=0)
        for attempt in range(1, self.ATTEMPTS):
            if len(longest.batches) >= self.num_batches:
                break
            longest = max(longest, self._draw(epoch, attempt), key=lambda plan: len(plan.batches))
        num_cut = len(longest.batches) - self.num_batches
        if num_cut < 0:
            rank_zero_info(f"identity pairs: epoch {epoch} sees its first {-num_cut} batches again at its end")
        batches = np.resize(longest.batches, (self.num_batches, self.batch_size))  # repeats from the beginning
        return replace(longest, batches=batches, left_over=longest.left_over + max(0, num_cut) * self.batch_size)
