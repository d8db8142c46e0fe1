"""A training step as the recogniser takes it, without the trainer around it."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor

from experiments.benchmarks.rows import Row, rates
from experiments.benchmarks.timing import interleaved
from facequal.models.backbones import Backbone
from facequal.models.heads import AdaFaceHead
from facequal.models.iresnet import IResNet

NUM_CLASSES = 85_742  # MS1MV2


def training_step(
    backbone: Backbone,
    num_classes: int,
    batch: int,
    device: str = "cpu",
    bf16: bool = False,
    compiled: bool = False,
) -> Callable[[], Tensor]:
    """A step on one resident batch: forward, AdaFace head, backward, SGD with momentum; channels_last.

    Args:
        backbone: The network; it is moved to the device.
        num_classes: Number of identities.
        batch: Number of images.
        device: "cpu" or "cuda".
        bf16: Run the backbone under bf16 autocast.
        compiled: Run the backbone through `torch.compile`.

    Returns:
        A function that does one step and returns the loss.
    """
    backbone = backbone.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    head = AdaFaceHead(backbone.embedding_dim, num_classes).to(device)
    optimizer = torch.optim.SGD([*backbone.parameters(), *head.parameters()], lr=0.01, momentum=0.9)
    size = backbone.input_size_px
    images = torch.rand(batch, 3, size, size, device=device)
    labels = torch.randint(num_classes, (batch,), device=device)
    network = torch.compile(backbone) if compiled else backbone

    def step() -> Tensor:
        optimizer.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            embedding, norm = network(images)
        loss = head.loss(embedding, norm, labels).per_sample_loss.mean()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss.detach()

    return step


def rows(
    build: Callable[[], Backbone] = IResNet,
    name: str = "IR-50",
    batch: int = 256,
    num_classes: int = NUM_CLASSES,
    rounds: int = 7,
    device: str = "cuda",
    shortest_s: float = 1.0,
) -> list[Row]:
    """Training images per second with bf16 autocast, through `torch.compile` and as it is."""
    backbone = build()
    steps = {
        "compiled": training_step(copy.deepcopy(backbone), num_classes, batch, device, bf16=True, compiled=True),
        "eager": training_step(backbone, num_classes, batch, device, bf16=True),
    }
    seconds = interleaved(steps, rounds, device, shortest_s=shortest_s)
    what = (
        f"{name} training with AdaFace head, bf16, channels_last, batch {batch}, C={num_classes:,}, torch.compile, GPU"
    )
    compiled, eager = (rates(values, batch) for values in seconds.values())
    return [Row(what, "the same without torch.compile", compiled, eager, "images/s", "rate")]
