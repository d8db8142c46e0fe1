"""The ring buffer that all queues share: the newest rows of all ranks, in memory that is allocated once."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Self

import torch
import torch.distributed as dist
from torch import Tensor, nn


class FeatureQueue(nn.Module, ABC):
    """The newest `size` embeddings with their labels; sub-classes say what is stored of each and what its key is.

    The content is that of `cat([new, old])[:size]` after every batch, without its copies: a batch is written over the
    oldest rows, and nothing else moves. Writing goes backwards through the buffers, so that rows read forwards from
    `position` are the newest first, each batch in its own order. Callers should not rely on any order of the rows.

    Buffers have a fixed shape and are never allocated anew, and all that is stored is saved: a checkpoint of a queue
    that is partly full loads into a new one, which goes on as the old one would have.

    Args:
        size: Number Q of rows.
        embedding_dim: Length D of an embedding.

    Attributes:
        labels: (Q,) int64 identities.
        filled: int64 scalar: number of rows that hold something, the last ones of the buffers until all do.
        position: int64 scalar: the newest row.

    Raises:
        ValueError: If a size is below 1.
    """

    labels: Tensor
    filled: Tensor
    position: Tensor

    def __init__(self, size: int, embedding_dim: int) -> None:
        super().__init__()
        if size < 1:
            raise ValueError(f"size must be at least 1, got {size}")
        if embedding_dim < 1:
            raise ValueError(f"embedding_dim must be at least 1, got {embedding_dim}")
        self.size = size
        self.embedding_dim = embedding_dim
        self.register_buffer("labels", torch.zeros(size, dtype=torch.int64))
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))
        self.register_buffer("position", torch.zeros((), dtype=torch.int64))
        # The same two numbers where Python can read them without waiting for the device.
        self._filled = 0
        self._position = 0
        self._labels_checked = False

    @property
    def num_filled(self) -> int:
        """Number K of rows that hold something, at most `size`; read without waiting for the device."""
        return self._filled

    @abstractmethod
    def keys(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return all filled rows as they count now.

        Args:
            weight: (C, D) class weights of the head as they are now.

        Returns:
            Keys (K, D) and labels (K,), without gradient, in no particular order.
        """

    @property
    @abstractmethod
    def _stored(self) -> Tensor:
        """The (Q, D) buffer that `_write` writes to."""

    @abstractmethod
    def _write(self, rows: Tensor, embedding: Tensor, labels: Tensor, weight: Tensor) -> None:
        """Store embeddings (n, D), already in the dtype of the buffer, with these labels in these rows (n,) int64."""

    @torch.no_grad()
    def enqueue(self, embedding: Tensor, labels: Tensor, weight: Tensor, num_views: int = 1) -> None:
        """Store a batch of all ranks in place of the oldest rows, in time and memory proportional to the batch.

        Every rank stores the batches of all ranks, and so all hold the same. Within each view the rows are dealt from
        the ranks in turn, rank 0 first: the order in which one process has the global batch, since torch's
        `DistributedSampler` and `EpochSampler` deal the images out in turn. So the content is that of one process also
        where only a part of a batch is kept. (With a sampler that gives each rank a consecutive part of the global
        batch, other rows of such a batch may be kept than with one process.) Of a batch larger than the queue the first
        `size` rows are kept, as in the released code.

        Args:
            embedding: (B, D) unit embeddings, float; half precision is raised to float32. Gradients are not kept. B is
                any number, the same on all ranks.
            labels: (B,) int64 identities in [0, C).
            weight: (C, D) class weights of the head as they are now, equal on all ranks.
            num_views: Views of the same images that lie one after the other in the batch: 2 for
                `cat([original, augmented])`. Views keep this order over all ranks.

        Raises:
            ValueError: If a shape or dtype is wrong, B does not divide into the views, or a label is outside [0, C). On
                CUDA only the first batch's labels are read, since reading waits for the device.
        """
        self._validate(embedding, labels, weight, num_views)
        embedding = _gathered_in_turn(embedding.detach().to(self._stored.dtype), num_views)[: self.size]
        labels = _gathered_in_turn(labels, num_views)[: self.size]
        count = len(labels)
        first = (self._position - count) % self.size
        # From the end of the buffers on they go to the beginning.
        rows = torch.arange(first, first + count, device=labels.device) % self.size
        self.labels.index_copy_(0, rows, labels)
        self._write(rows, embedding, labels, weight.detach())
        self._filled, self._position = min(self.size, self._filled + count), first
        self.filled.fill_(self._filled)
        self.position.fill_(self._position)

    def extra_repr(self) -> str:
        """Return sizes, for `print(queue)`."""
        return f"size={self.size}, embedding_dim={self.embedding_dim}"

    def _filled_rows(self, buffer: Tensor) -> Tensor:
        """Return the rows of a buffer that hold something, as a view."""
        return buffer[self.size - self._filled :]

    def _validate(self, embedding: Tensor, labels: Tensor, weight: Tensor, num_views: int) -> None:
        batch = len(embedding)
        if embedding.shape != (batch, self.embedding_dim) or not embedding.is_floating_point():
            raise ValueError(
                f"embedding must be float of shape (B, {self.embedding_dim}), got {embedding.dtype} "
                f"{tuple(embedding.shape)}"
            )
        if labels.shape != (batch,) or labels.dtype != torch.int64:
            raise ValueError(f"labels must be int64 of shape ({batch},), got {labels.dtype} {tuple(labels.shape)}")
        if num_views < 1 or batch % num_views:
            raise ValueError(f"num_views must be at least 1 and divide the batch of {batch} rows, got {num_views}")
        self._validate_weight(weight)
        if batch and (labels.device.type == "cpu" or not self._labels_checked):
            low, high = (int(bound) for bound in labels.aminmax())
            if low < 0 or high >= len(weight):
                raise ValueError(f"labels must be in [0, {len(weight)}), got {low} to {high}")
            self._labels_checked = True

    def _validate_weight(self, weight: Tensor) -> None:
        if weight.ndim != 2 or weight.shape[1] != self.embedding_dim:
            raise ValueError(f"weight must have shape (C, {self.embedding_dim}), got {tuple(weight.shape)}")

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        super()._load_from_state_dict(state_dict, prefix, *args)
        self._filled, self._position = int(self.filled), int(self.position)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        # As in the heads: embeddings stay float32 under `.half()`.
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, buffer in self.named_buffers(recurse=False):
            if buffer.dtype in (torch.float16, torch.bfloat16):
                setattr(self, name, buffer.float())
        return self


def _gathered_in_turn(rows: Tensor, num_views: int) -> Tensor:
    """Return the rows of all ranks, view by view; within a view row 0 of every rank, then row 1 of every rank, ..."""
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return rows
    rows = rows.contiguous()
    gathered = rows.new_empty(dist.get_world_size(), *rows.shape)
    dist.all_gather(list(gathered.unbind()), rows)
    by_view = gathered.view(len(gathered), num_views, len(rows) // num_views, *rows.shape[1:])
    return by_view.permute(1, 2, 0, *range(3, by_view.ndim)).flatten(0, 2)
