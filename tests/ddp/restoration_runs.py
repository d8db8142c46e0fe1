"""Evaluations of restoration on any number of processes, and how their files are compared."""

from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch import Trainer

from facequal.data.datamodule import FaceDataModule
from facequal.evaluation.callback import ProtocolEvaluation
from facequal.evaluation.settings import RestorationSettings
from facequal.methods.base import FaceMethod
from facequal.reports.results import Result
from tests.sources import people


def evaluate(folder: Path, devices: int, method: FaceMethod, protocols: list[Any], **settings: Any) -> list[Result]:
    evaluation = ProtocolEvaluation(folder=str(folder), restoration=RestorationSettings(**settings))
    trainer = Trainer(
        accelerator="cpu",
        devices=devices,
        strategy="ddp_fork" if devices > 1 else "auto",
        callbacks=[evaluation],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
    )
    datamodule = FaceDataModule(train=people(4, 2), test=protocols, batch_size=4, eval_batch_size=5)
    trainer.test(method, datamodule=datamodule, verbose=False)
    return evaluation.results


def rows(path: Path) -> list[str]:
    return sorted(path.read_text().splitlines())


def assert_lines_agree(one: list[str], two: list[str]) -> None:
    """Equal text, numbers to 1e-5."""
    assert len(one) == len(two)
    for line, other in zip(one, two, strict=True):
        for field, found in zip(line.split(","), other.split(","), strict=True):
            try:
                assert float(found) == pytest.approx(float(field), rel=1e-5, abs=1e-6, nan_ok=True)
            except ValueError:
                assert found == field
