"""MoCo's queue: past embeddings of a slowly moving encoder, as they were."""

import torch
from torch import Tensor

from facequal.methods.qgface.queues.base import FeatureQueue


class MomentumQueue(FeatureQueue):
    """A queue whose keys are the embeddings as they were inserted (MoCo, He et al., CVPR 2020).

    They stay comparable because `MomentumEncoder`, whose weights change slowly, computed them. It is used as
    `ProxyUpdatedQueue` is, so that a method can hold either; class weights only serve to check shapes and labels.

    Args:
        size: Number Q of rows.
        embedding_dim: Length D of an embedding.

    Attributes:
        features: (Q, D) float32 embeddings.

    Raises:
        ValueError: If a size is below 1.

    >>> queue, weight = MomentumQueue(size=3, embedding_dim=2), torch.eye(2)  # class weights of two people
    >>> for batch in (torch.eye(2), -torch.eye(2)):
    ...     queue.enqueue(batch, labels=torch.tensor([0, 1]), weight=weight)
    >>> queue.keys(weight)[1].shape, queue.num_filled  # the oldest of the four is gone
    (torch.Size([3]), 3)
    """

    features: Tensor

    def __init__(self, size: int, embedding_dim: int) -> None:
        super().__init__(size, embedding_dim)
        self.register_buffer("features", torch.zeros(size, embedding_dim))

    def keys(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return all filled rows as they were inserted; nothing is computed or copied.

        Args:
            weight: (C, D) class weights of the head.

        Returns:
            Keys (K, D) and labels (K,), without gradient, in no particular order; K is `num_filled`. Both are views of
            the queue's memory, which the next `enqueue` changes: enqueue before the keys are used, or after the
            backward pass. Autograd refuses what is done in between.

        Raises:
            ValueError: If the weights have another shape.
        """
        self._validate_weight(weight)
        return self._filled_rows(self.features), self._filled_rows(self.labels)

    @property
    def _stored(self) -> Tensor:
        return self.features

    def _write(self, rows: Tensor, embedding: Tensor, labels: Tensor, weight: Tensor) -> None:
        self.features.index_copy_(0, rows, embedding)
