"""The proxy-updated queue against one that is concatenated and sliced at every step: time and memory."""

from collections.abc import Mapping
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile, record_function

from experiments.benchmarks.rows import Row
from experiments.benchmarks.timing import interleaved
from facequal.methods.qgface.queues import ProxyUpdatedQueue

OURS, FUSED, CONCATENATED = "ring buffer", "ring buffer, fused", "concatenated"
AGAINST = "features, labels and proxies concatenated with the new ones and sliced, then all rows moved"
# Queue sizes, ascending (the identities of VGGFace2, and about those of MS1MV2), with the least speed-up.
TIME_TARGETS = {8_631: 5.0, 87_000: 8.0}
MEMORY_TARGET = 1.0
STEPS = "steps of a queue"  # what the profiler calls them


def benchmark(quick: bool) -> list[Row]:
    """Return the rows on the CPU."""
    if quick:
        return rows({500: 5.0, 2_000: 8.0}, batch=64, embedding_dim=64, rounds=2)
    return rows()


def rows(
    time_targets: Mapping[int, float] = TIME_TARGETS,
    batch: int = 1024,
    embedding_dim: int = 512,
    rounds: int = 7,
    device: str = "cpu",
) -> list[Row]:
    """Time and memory of enqueueing a batch and computing the keys.

    Memory is what the queue holds between steps and what a step needs beyond it, the keys included, at its highest.

    Args:
        time_targets: Sizes Q of a full queue, as many as there are classes, with the target of the speed-up.
        batch: Rows B of a batch, both views counted.
        embedding_dim: Length D of an embedding.
        rounds: Rounds of timing.
        device: "cpu" or "cuda".
    """
    found = []
    for size, target in time_targets.items():
        queues = {name: filled_queue(name, size, embedding_dim, device) for name in (OURS, FUSED, CONCATENATED)}
        new = random_batch(batch, size, embedding_dim, 1, device)
        for _ in range(size // batch + 2):  # once around the buffers: batches at their end are compiled on their own
            step(queues[FUSED], *new)
        seconds = interleaved({name: partial(step, queue, *new) for name, queue in queues.items()}, rounds, device)
        ours, fused, theirs = ([1e3 * value for value in seconds[name]] for name in queues)
        what = f"proxy-updated queue, enqueue + keys, B={batch:,}, D={embedding_dim}, Q={size:,}"
        what += ", GPU" if device == "cuda" else ""
        found.append(Row(f"{what}: time", AGAINST, ours, theirs, "ms", "speed-up"))
        found.append(Row(f"{what}, fused: time", AGAINST, fused, theirs, "ms", "speed-up", target))
        if device == "cpu":
            ours, theirs = ([memory_mb(name, size, batch, embedding_dim)] for name in (OURS, CONCATENATED))
            found.append(Row(f"{what}: memory", AGAINST, ours, theirs, "MB", "cost", MEMORY_TARGET))
    return found


class ConcatenatedQueue(nn.Module):
    """The queue as one writes it first: the newest rows in front, new tensors at every step."""

    features: Tensor
    labels: Tensor
    proxies: Tensor

    def __init__(self, size: int, embedding_dim: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("features", torch.zeros(0, embedding_dim))
        self.register_buffer("labels", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("proxies", torch.zeros(0, embedding_dim))

    @torch.no_grad()
    def enqueue(self, embedding: Tensor, labels: Tensor, weight: Tensor) -> None:
        """Put a batch in front and drop what is too much."""
        self.features = torch.cat((embedding, self.features))[: self.size]
        self.labels = torch.cat((labels, self.labels))[: self.size]
        self.proxies = torch.cat((weight[labels], self.proxies))[: self.size]

    @torch.no_grad()
    def keys(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """All rows moved with their class weights, at unit length."""
        ratio = self.features.norm(dim=1, keepdim=True) / self.proxies.norm(dim=1, keepdim=True).clamp_min(1e-6)
        return F.normalize(self.features + ratio * (weight[self.labels] - self.proxies)), self.labels


Queue = ProxyUpdatedQueue | ConcatenatedQueue


def filled_queue(name: str, size: int, embedding_dim: int, device: str = "cpu") -> Queue:
    """Return the queue of that name, full of random rows of `size` classes, the same for both."""
    queue: Queue = ConcatenatedQueue(size, embedding_dim)
    if name != CONCATENATED:
        queue = ProxyUpdatedQueue(size, embedding_dim, fused=name == FUSED)
    queue.to(device)
    queue.enqueue(*random_batch(size, size, embedding_dim, 0, device))
    return queue


def step(queue: Queue, embedding: Tensor, labels: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Store a batch and return the keys."""
    queue.enqueue(embedding, labels, weight)
    return queue.keys(weight)


def random_batch(
    batch: int, num_classes: int, embedding_dim: int, seed: int, device: str
) -> tuple[Tensor, Tensor, Tensor]:
    """Return unit embeddings (B, D), labels (B,) and class weights (C, D)."""
    generator = torch.Generator().manual_seed(seed)
    embedding = F.normalize(torch.randn(batch, embedding_dim, generator=generator))
    labels = torch.randint(num_classes, (batch,), generator=generator)
    weight = torch.randn(num_classes, embedding_dim, generator=generator)
    return embedding.to(device), labels.to(device), weight.to(device)


def memory_mb(name: str, size: int, batch: int, embedding_dim: int) -> float:
    """Bytes of tensors at their highest during steps of a full queue, its own included, in MB (10^6 bytes), on the CPU.

    Counted from every allocation and release that PyTorch reports since before the queue was made: the profiler does
    not know of releases of what was there when it began.
    """
    new = random_batch(batch, size, embedding_dim, 1, "cpu")
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        queue = filled_queue(name, size, embedding_dim)
        with record_function(STEPS):
            for _ in range(2):
                step(queue, *new)
    events = profiler.profiler.kineto_results.events()
    start_ns = next(event.start_ns() for event in events if event.name() == STEPS)
    held = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held) if event.start_ns() > start_ns else held
    return peak / 1e6
