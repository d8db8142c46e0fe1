"""Trainers that say nothing and write nothing, and what a training did."""

from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from facequal.data.datamodule import FaceDataModule
from tests.sources import people


def trainer(folder: Path, **arguments: Any) -> Trainer:
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


def fit(module: LightningModule, folder: Path, datamodule: FaceDataModule | None = None, **arguments: Any) -> Trainer:
    """Train for two epochs, on six people unless other data are given."""
    run = trainer(folder, **({"max_epochs": 2} | arguments))
    run.fit(module, datamodule=datamodule or FaceDataModule(train=people(6, 4), batch_size=12))
    return run


class Record(Callback):
    """The batches and the losses of a training."""

    def __init__(self) -> None:
        self.batches: list[dict[str, Any]] = []
        self.losses: list[float] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, *_: Any) -> None:
        self.batches.append(batch)
        self.losses.append(float(outputs["loss"]))
