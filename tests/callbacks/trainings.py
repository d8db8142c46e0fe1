"""Short trainings for the tests of callbacks."""

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer

from facequal.data.datamodule import FaceDataModule
from facequal.degradations import KernelBank, MultiDegradation, Resolution
from facequal.methods.recognition.recognizer import Recognizer
from facequal.models.heads import ArcFaceHead
from tests.models.linear import LinearBackbone
from tests.sources import people


def trainer(folder: Path, **arguments: Any) -> Trainer:
    """A trainer of one epoch on the CPU that prints and saves nothing."""
    settings: dict[str, Any] = {
        "accelerator": "cpu",
        "max_epochs": 1,
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
        "default_root_dir": folder,
    }
    return Trainer(**(settings | arguments))


def recognition_data() -> FaceDataModule:
    """Six people at two resolutions, in six batches of six images."""
    return FaceDataModule(train=people(6, 6), degradation=Resolution((4, 8)), batch_size=6)


def restoration_data() -> FaceDataModule:
    """Six people, dark, noisy and partly blurred, in four batches of twelve images."""
    bank = KernelBank(num_motion=8, gaussians="none", sizes_px=(3, 5))
    degradation = MultiDegradation({"NL": 1, "BNL": 1}, bank)
    return FaceDataModule(train=people(6, 8), degradation=degradation, batch_size=12)


def recognizer() -> Recognizer:
    """A linear network with ArcFace, always the same one."""
    torch.manual_seed(0)
    return Recognizer(
        LinearBackbone(), head=ArcFaceHead, optimizer=lambda params: torch.optim.SGD(params, 1e-4), num_classes=6
    )


class BatchRecord(Callback):
    """The batches of a training."""

    def __init__(self) -> None:
        self.batches: list[dict[str, Any]] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, *_: Any) -> None:
        self.batches.append(batch)
