"""A step of QGFace against one of AdaFace on the same two views."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from experiments.benchmarks.rows import Row
from experiments.benchmarks.timing import interleaved
from facequal.degradations import Keys, QGFaceAugmentation
from facequal.methods.qgface.method import QGFace
from facequal.methods.qgface.options import Partition
from facequal.methods.recognition.base import EmbeddingMethod
from facequal.methods.recognition.recognizer import Recognizer
from facequal.models.backbones import Backbone
from facequal.models.iresnet import IResNet, IRTiny

NUM_CLASSES = 8_631  # VGGFace2's training identities, and the rows of the queue
TARGET = 1.15


def benchmark(quick: bool) -> list[Row]:
    """The rows on the CPU."""
    if quick:
        return [row(batch=4, num_classes=500, rounds=2)]
    return [row(), row(lambda: IResNet(34), "IR-34", batch=8, rounds=3)]


def row(
    build: Callable[[], Backbone] = IRTiny,
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
    index = torch.arange(batch, device=device)
    size = (backbone := build()).input_size_px
    views = torch.rand(2, batch, 3, size, size, device=device)
    labels = torch.randint(num_classes, (batch,), device=device)
    degradation = QGFaceAugmentation().sample(Keys(index))
    two = {"image": views[0], "lq": views[1], "label": labels, "index": index, "degradation": degradation}
    twice = {name: value.repeat(2) for name, value in degradation.items() if value.ndim == 1}
    one = {"lq": views.flatten(0, 1), "label": labels.repeat(2), "index": index.repeat(2), "degradation": twice}
    # How many pairs are contrasted does not matter: the loss of all is computed.
    qgface = QGFace(backbone, partition=Partition(0.5), num_classes=num_classes, channels_last=True)
    adaface = Recognizer(build(), num_classes=num_classes, channels_last=True)
    fill_queue(qgface.to(device), num_classes)
    steps = {"QGFace": training_step(qgface, two, bf16), "AdaFace": training_step(adaface.to(device), one, bf16)}
    seconds = interleaved(steps, rounds, device, shortest_s=shortest_s)
    ours, theirs = ([1e3 * value for value in values] for values in seconds.values())
    what = f"QGFace step, {name}, {batch} images in two views, C=Q={num_classes:,}"
    what += (", bf16" if bf16 else "") + (", GPU" if device == "cuda" else "")
    return Row(what, "AdaFace on both views", ours, theirs, "ms", "cost", TARGET)


def fill_queue(method: QGFace, num_classes: int) -> None:
    """Put a random direction for every identity into the queue."""
    if method.queue is not None and method.head is not None:
        everyone = torch.arange(num_classes, device=method.device)
        directions = torch.randn(num_classes, method.backbone.embedding_dim, device=method.device)
        method.queue.enqueue(torch.nn.functional.normalize(directions), everyone, method.head.weight)


def training_step(method: EmbeddingMethod, batch: dict[str, Any], bf16: bool = False) -> Callable[[], Tensor]:
    """A function that takes one step of the method on a resident batch and returns the loss; nothing is logged."""
    optimizer = torch.optim.SGD(method.parameters(), lr=1e-3, momentum=0.9)
    unplugged: Any = method
    unplugged.log = unplugged.log_dict = lambda *arguments, **options: None
    unplugged._trainer = SimpleNamespace(optimizers=[optimizer], world_size=1, global_step=0)
    method.train()

    def step() -> Tensor:
        optimizer.zero_grad()
        with torch.autocast(method.device.type, torch.bfloat16, enabled=bf16):
            loss: Tensor = unplugged.training_step(batch, 0)["loss"]
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss.detach()

    return step
