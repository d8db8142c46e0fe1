"""What looking costs: the map of gradient scaling terms, and following samples through a training."""

from types import SimpleNamespace
from typing import Any, cast

import torch
from lightning.pytorch import Trainer

from experiments.benchmarks.rows import Row
from experiments.benchmarks.timing import interleaved
from facequal.analysis.gst import AdaFaceScaling, scaling_map
from facequal.callbacks.training_samples import TrainingSamples
from facequal.models.heads import AdaFaceHead
from facequal.models.iresnet import IRTiny

MAP_SECONDS, SHARE_TARGET = 1.0, 0.02
FOLLOWED = 750  # images, the default


def benchmark(quick: bool) -> list[Row]:
    """The rows on the CPU."""
    if quick:
        return [gst_map(side=50, rounds=2), followed(batch=4, num_images=FOLLOWED, rounds=2)]
    return [gst_map(), *(followed(num_images=number) for number in (9_792, 490_000))]


def gst_map(side: int = 1000, rounds: int = 5) -> Row:
    """A map of side x side points against a fixed time."""
    seconds = interleaved({"map": lambda: scaling_map(AdaFaceScaling(), num_angles=side, num_norms=side)}, rounds)
    what = f"map of AdaFace's gradient scaling, {side**2:,} points"
    return Row(what, "a fixed time", seconds["map"], [MAP_SECONDS] * rounds, "s", "cost", 1.0)


def followed(batch: int = 128, num_images: int = 9_792, rounds: int = 5) -> Row:
    """`TrainingSamples` after a batch against the training step, for a set of which 750 images are followed.

    The demo's 9,792 images are a small set, where one in 13 of each batch is followed; of CASIA-WebFace's 490,000 it is
    one in 653.
    """
    backbone = IRTiny()
    head = AdaFaceHead(backbone.embedding_dim, 612)
    optimizer = torch.optim.SGD([*backbone.parameters(), *head.parameters()], lr=1e-4)
    generator = torch.Generator().manual_seed(0)
    index = torch.randint(0, num_images, (batch,), generator=generator)
    size = backbone.input_size_px
    data = {"lq": torch.rand(batch, 3, size, size), "label": index % 612, "index": index, "degradation": {}}
    values = {name: torch.rand(batch) for name in ("norm", "probability", "margin", "gradient_scaling")}
    outputs = {"samples": {"index": index, "view": torch.zeros(batch, dtype=torch.int64), **values}}
    callback = TrainingSamples(num_samples=FOLLOWED)
    trainer = cast(Trainer, SimpleNamespace(datamodule=SimpleNamespace(train_source=range(num_images))))
    callback.on_train_epoch_start(trainer, cast(Any, None))

    def step() -> None:
        optimizer.zero_grad()
        embedding, norm = backbone(data["lq"])
        head.loss(embedding, norm, data["label"]).per_sample_loss.mean().backward()
        optimizer.step()

    def follow() -> None:
        callback.rows.clear()
        callback.on_train_batch_end(trainer, cast(Any, None), outputs, data, 0)

    seconds = interleaved({"follow": follow, "step": step}, rounds)
    milliseconds = {key: [1e3 * value for value in values] for key, values in seconds.items()}
    what = f"following {FOLLOWED:,} of {num_images:,} images through a training, measures included, B={batch}"
    against = "the training step of IRTiny, AdaFace"
    return Row(what, against, milliseconds["follow"], milliseconds["step"], "ms", "cost", SHARE_TARGET)
