"""The octuplet loss against one distance matrix per term: time and memory, and its share of a training step."""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from experiments.benchmarks.rows import Row
from experiments.benchmarks.timing import interleaved
from facequal.methods.octuplet.loss import OctupletLoss
from facequal.models.backbones import Backbone
from facequal.models.iresnet import IRTiny

OURS, FOUR = "one matrix", "four matrices"
AGAINST = "four separate distance matrices, each with masks and gradients of its own"
TIME_TARGETS = {64: 1.5, 256: 1.1}
MEMORY_TARGET = 0.6


def benchmark(quick: bool) -> list[Row]:
    """Return the rows on the CPU."""
    if quick:
        return [*rows({16: 1.5}, embedding_dim=32, rounds=2), share_of_step(batch=4, rounds=2)]
    return [*rows(), share_of_step()]


def rows(
    time_targets: Mapping[int, float] = TIME_TARGETS, embedding_dim: int = 512, rounds: int = 15, device: str = "cpu"
) -> list[Row]:
    """Time and memory, forward and backward, for each batch size with the target of its speed-up."""
    found = []
    for batch, target in time_targets.items():
        steps = loss_steps(batch, embedding_dim, device)
        seconds = interleaved(steps, rounds, device)
        milliseconds = {name: [1e3 * value for value in values] for name, values in seconds.items()}
        what = _what(batch, embedding_dim, device)
        found.append(Row(f"{what}: time", AGAINST, milliseconds[OURS], milliseconds[FOUR], "ms", "speed-up", target))
        if device == "cpu":
            memory = {name: [peak_tensor_kb(step)] for name, step in steps.items()}
            found.append(Row(f"{what}: memory", AGAINST, memory[OURS], memory[FOUR], "kB", "cost", MEMORY_TARGET))
    return found


def share_of_step(
    build: Callable[[], Backbone] = IRTiny, name: str = "IRTiny", batch: int = 60, rounds: int = 5, device: str = "cpu"
) -> Row:
    """Time of the loss against the whole fine-tuning step it is part of."""
    backbone = build().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    backbone.train()
    optimizer = torch.optim.AdamW(backbone.parameters(), lr=1e-4)
    size = backbone.input_size_px
    images = torch.rand(2 * batch, 3, size, size, device=device)
    labels = torch.arange(batch, device=device) // 2

    def step() -> None:
        optimizer.zero_grad()
        embedding, norm = backbone(images)
        hr, lr = (embedding * norm).chunk(2)
        OctupletLoss()(hr, lr, labels).loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    loss = loss_steps(batch, backbone.embedding_dim, device)[OURS]
    seconds = interleaved({"loss": loss, "step": step}, rounds, device)
    milliseconds = {key: [1e3 * value for value in values] for key, values in seconds.items()}
    what = _what(batch, backbone.embedding_dim, device)
    against = f"the whole fine-tuning step of {name} ({2 * batch} images)"
    return Row(what, against, milliseconds["loss"], milliseconds["step"], "ms", "cost")


def _what(batch: int, embedding_dim: int, device: str) -> str:
    return f"octuplet loss, forward+backward, B={batch}, D={embedding_dim}" + (", GPU" if device == "cuda" else "")


def loss_steps(batch: int, embedding_dim: int, device: str = "cpu") -> dict[str, Callable[[], Tensor]]:
    """Forward and backward of both formulations on the same embeddings, two per identity; each returns its loss."""
    generator = torch.Generator().manual_seed(0)
    hr = torch.randn(batch, embedding_dim, generator=generator)
    lr = hr + 0.5 * torch.randn(batch, embedding_dim, generator=generator)
    hr, lr = hr.to(device).requires_grad_(), lr.to(device).requires_grad_()
    labels = torch.arange(batch, device=device) // 2

    def step(loss_of: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
        hr.grad = lr.grad = None
        loss = loss_of(hr, lr, labels)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    return {OURS: lambda: step(lambda *batch: OctupletLoss()(*batch).loss), FOUR: lambda: step(four_matrices)}


def four_matrices(hr: Tensor, lr: Tensor, labels: Tensor, margin: float = 25.0) -> Tensor:
    """Return the same loss, term by term, as batch-hard triplet losses are usually written."""
    same = labels[:, None] == labels
    positive = (same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)).float()
    negative = (~same).float()
    blocks = ((hr, hr), (hr, lr), (lr, hr), (lr, lr))
    return torch.stack([_batch_hard(a, b, positive, negative, margin) for a, b in blocks]).sum()


def _batch_hard(a: Tensor, b: Tensor, positive: Tensor, negative: Tensor, margin: float) -> Tensor:
    squared = (a.square().sum(1)[:, None] - 2 * a @ b.T + b.square().sum(1)[None]).clamp_min(0)
    zero = (squared == 0).float()
    distance = (squared + zero * 1e-16).sqrt() * (1 - zero)
    farthest = (distance * positive).amax(1)
    largest = distance.amax(1, keepdim=True)
    nearest = ((distance - largest) * negative).amin(1) + largest[:, 0]
    return F.relu(farthest - nearest + margin).mean()


def peak_tensor_kb(step: Callable[[], object]) -> float:
    """Bytes of tensors that a step holds at its highest beyond those that were there, in kB (10^3 bytes), on the CPU.

    Counted from every allocation and release that PyTorch reports: these tensors are smaller than the pages and pools
    that a process's resident memory grows by.
    """
    step()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        step()
    events = [event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"]  # type: ignore[union-attr]
    held = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak / 1e3
