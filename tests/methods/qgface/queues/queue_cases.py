"""Batches for the queues, and a queue as a list that is concatenated and cut, in float64."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from facequal.methods.qgface.queues import FeatureQueue, MomentumQueue, ProxyUpdatedQueue

NUM_CLASSES, DIM = 11, 6
BOTH = pytest.mark.parametrize("build", [ProxyUpdatedQueue, MomentumQueue])


def batch(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Unit embeddings, labels, and class weights of lengths about 1 to 4."""
    embedding = F.normalize(torch.randn(count, DIM, generator=generator))
    labels = torch.randint(NUM_CLASSES, (count,), generator=generator)
    weight = torch.randn(NUM_CLASSES, DIM, generator=generator)
    return embedding, labels, weight


def random_batches(seed: int, counts: list[int]) -> list[tuple[Tensor, Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    return [batch(count, generator) for count in counts]


class ListQueue:
    """Newest first: one (feature, label, class weight at insertion) per row, in float64."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.rows: list[tuple[Tensor, int, Tensor]] = []

    def enqueue(self, embedding: Tensor, labels: Tensor, weight: Tensor) -> None:
        new = [(e.double(), int(y), weight[y].double()) for e, y in zip(embedding, labels, strict=True)]
        self.rows = (new + self.rows)[: self.size]

    def keys(self, weight: Tensor, normalize: bool = True) -> tuple[Tensor, Tensor]:
        moved = [f + f.norm() / old.norm() * (weight[y].double() - old) for f, y, old in self.rows]
        moved = [key / key.norm() if normalize else key for key in moved]
        return torch.stack(moved).float(), torch.tensor([y for _, y, _ in self.rows])


def newest_first(queue: FeatureQueue, keys: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The rows in the order of the list: from the position on, around the end of the buffers."""
    shift = int(queue.position) - (queue.size - queue.num_filled)
    return keys.roll(-shift, 0), labels.roll(-shift, 0)


def assert_same_rows(queue: FeatureQueue, weight: Tensor, expected: tuple[Tensor, Tensor]) -> None:
    keys, labels = newest_first(queue, *queue.keys(weight))
    assert torch.equal(labels, expected[1])
    torch.testing.assert_close(keys, expected[0], atol=2e-6, rtol=2e-6)


def filled_queue(build: Any, size: int = 7, counts: tuple[int, ...] = (5, 5)) -> FeatureQueue:
    queue: FeatureQueue = build(size, DIM)
    for embedding, labels, weight in random_batches(3, list(counts)):
        queue.enqueue(embedding, labels, weight)
    return queue
