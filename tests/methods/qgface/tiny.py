"""A QGFace of a few weights, and its training."""

from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer

from facequal.data.datamodule import FaceDataModule
from facequal.degradations.resolution import Resolution
from facequal.methods.qgface.method import QGFace
from facequal.methods.schedules import StepSchedule
from facequal.models.heads import CosFaceHead
from tests.methods.tiny_recognition import Linear, head_of
from tests.sources import people
from tests.training import Record
from tests.training import trainer as quiet_trainer


def qgface(num_classes: int | None = 6, **arguments: Any) -> QGFace:
    settings: dict[str, Any] = {
        "schedule": StepSchedule([100]),
        "head": head_of(CosFaceHead, s=8.0),
        "flip_test": False,
    }
    return QGFace(Linear(), num_classes=num_classes, **(settings | arguments))


def fit(module: QGFace, folder: Path, ckpt_path: Path | None = None, **arguments: Any) -> tuple[Trainer, Record]:
    record = Record()
    trainer = quiet_trainer(folder, **({"callbacks": [record]} | arguments))
    datamodule = FaceDataModule(train=people(6, 8), batch_size=12, degradation=Resolution([4, 8]))
    trainer.fit(module, datamodule=datamodule, ckpt_path=ckpt_path, weights_only=True)
    return trainer, record
