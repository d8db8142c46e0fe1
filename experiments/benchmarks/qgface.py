"""A step of QGFace against one of AdaFace on the same two views."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from experiments.benchmarks.rows import Row
from experiments.benchmarks.timing import interleaved
from facequal.methods.qgface import Contrast, Partition, QGFace
from facequal.models.backbones import Backbone
from facequal.models.iresnet import ir_34, ir_tiny

NUM_CLASSES = 8_631  # VGGFace2's training identities, and the rows of the queue
TARGET = 1.15


def benchmark(quick: bool) -> list[Row]:
    """The rows on the CPU."""
    if quick:
        return [row(batch=4, num_classes=500, rounds=2)]
    return [row(), row(ir_34, "IR-34", batch=8, rounds=3)]


def row(
    build: Callable[[], Backbone] = ir_tiny,
    name: str = "IRTiny",
    batch: int = 64,
    num_classes: int = NUM_CLASSES,
    rounds: int = 9,
    device: str = "cpu",
    bf16: bool = False,
    shortest_s: float = 1.0,
) -> Row:
    """Time of a step: forward, losses, backward, SGD; channels_last.

    Args:
        build: Makes the network.
        name: Of the network.
        batch: Images, each in two views.
        num_classes: Identities, and rows of the queue, which is full.
        rounds: Rounds of timing.
        device: "cpu" or "cuda".
        bf16: Run the method under bf16 autocast, as `precision: bf16-mixed` does.
        shortest_s: Least time per value.
    """
    methods = {
        # Half of the pairs are contrasted: more than in any training, and the cost is that of all pairs anyway.
        "QGFace": QGFace(build(), partition=Partition(0.5), num_classes=num_classes, channels_last=True),
        "AdaFace": QGFace(
            build(),
            partition=Partition(gate="none"),
            contrast=Contrast("none"),
            num_classes=num_classes,
            channels_last=True,
        ),
    }
    seconds = interleaved(
        {key: training_step(method.to(device), batch, num_classes, bf16) for key, method in methods.items()},
        rounds,
        device,
        shortest_s=shortest_s,
    )
    ours, theirs = ([1e3 * value for value in values] for values in seconds.values())
    what = f"QGFace step, {name}, {batch} images in two views, C=Q={num_classes:,}"
    what += (", bf16" if bf16 else "") + (", GPU" if device == "cuda" else "")
    return Row(what, "AdaFace on both views", ours, theirs, "ms", "cost", TARGET)


def training_step(method: QGFace, batch: int, num_classes: int, bf16: bool = False) -> Callable[[], Tensor]:
    """A function that takes one step of the method on a resident batch and returns the loss; nothing is logged."""
    device, size = method.device, method.backbone.input_size_px
    optimizer = torch.optim.SGD(method.parameters(), lr=1e-3, momentum=0.9)
    unplugged: Any = method
    unplugged.log = unplugged.log_dict = lambda *arguments, **options: None
    unplugged._trainer = SimpleNamespace(optimizers=[optimizer], world_size=1, global_step=0)
    views = torch.rand(2, batch, 3, size, size, device=device)
    labels = torch.randint(num_classes, (batch,), device=device)
    index = torch.arange(batch, device=device)
    content = {"image": views[0], "lq": views[1], "label": labels, "index": index, "degradation": {}}
    if method.queue is not None and method.head is not None:
        everyone = torch.arange(num_classes, device=device)
        directions = torch.nn.functional.normalize(
            torch.randn(num_classes, method.backbone.embedding_dim, device=device)
        )
        method.queue.enqueue(directions, everyone, method.head.weight)
    method.train()

    def step() -> Tensor:
        optimizer.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            loss = method.training_step(content, 0)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss.detach()

    return step
