"""The whole input pipeline against what a training step consumes."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from experiments.benchmarks.face_records import write_faces
from experiments.benchmarks.rows import Row, rates
from experiments.benchmarks.timing import interleaved
from experiments.benchmarks.training import NUM_CLASSES, training_step
from facequal.data.datamodule import FaceDataModule
from facequal.data.sources.datasets import RecordDataset
from facequal.degradations import AdaFaceAugmentation, HorizontalFlip
from facequal.models.backbones import Backbone
from facequal.models.iresnet import IResNet, IRTiny

WHAT = "input pipeline (records, JPEG decoding, batches, flip and AdaFace augmentation)"


def benchmark(quick: bool) -> list[Row]:
    """The rows on one core: everything in the process that trains."""
    return rows(num_images=64, batch=32, rounds=2) if quick else rows(num_images=512, batch=128, rounds=5)


def rows(num_images: int, batch: int, rounds: int) -> list[Row]:
    """Images per core and second that the pipeline delivers, against those that a small network trains on."""
    return _rows(num_images, 1, batch, rounds, IRTiny, "IRTiny training", num_classes=612, device="cpu", workers=0)


def gpu_rows(
    num_images: int = 512,
    copies: int = 24,
    batch: int = 512,
    rounds: int = 5,
    build: Callable[[], Backbone] = IResNet,
    device: str = "cuda",
) -> list[Row]:
    """The same with a worker per core, transfers and the augmentation on the GPU, against IR-50 in bf16."""
    workers = min(16, len(os.sched_getaffinity(0)))
    name = f"IR-50 bf16 channels_last training, {workers} workers, GPU"
    return _rows(num_images, copies, batch, rounds, build, name, NUM_CLASSES, device, workers)


def _rows(
    num_images: int,
    copies: int,
    batch: int,
    rounds: int,
    build: Callable[[], Backbone],
    consumer: str,
    num_classes: int,
    device: str,
    workers: int,
) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        records = write_faces(Path(folder), num_images, copies)
        epoch = _one_epoch(records, batch, device, workers)
        step = training_step(build(), num_classes, batch, device, bf16=device == "cuda")
        seconds = interleaved({"pipeline": epoch, "step": step}, rounds, device, shortest_s=0.5)
    num_delivered = len(records) // batch * batch
    delivered, consumed = rates(seconds["pipeline"], num_delivered), rates(seconds["step"], batch)
    against = f"what {consumer} consumes, batches of {batch}"
    return [Row(WHAT, against, delivered, consumed, "images/s", "rate", 1.0)]


def _one_epoch(records: RecordDataset, batch: int, device: str, workers: int) -> Callable[[], None]:
    """All training batches of an epoch, degraded on the device, as a trainer gets them."""
    datamodule = FaceDataModule(
        train=records,
        augmentation=HorizontalFlip(),
        degradation=AdaFaceAugmentation(),
        batch_size=batch,
        num_workers=workers,
        seed=0,
    )
    loader = datamodule.train_dataloader()

    def epoch() -> None:
        for loaded in loader:
            moved = datamodule.transfer_batch_to_device(loaded, device, 0)  # type: ignore[arg-type]
            datamodule.on_after_batch_transfer(moved, 0)

    return epoch
