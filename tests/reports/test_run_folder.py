"""The folder that loggers, or the lack of one, give a run."""

from pathlib import Path

import pytest
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import CSVLogger, Logger

from facequal.reports.run_folder import run_folder


class Shared(Logger):
    """Keeps all runs in one folder, as W&B does."""

    name, version, save_dir = "project", "3f2a", "runs"

    def log_metrics(self, *args: object, **options: object) -> None: ...

    def log_hyperparams(self, *args: object, **options: object) -> None: ...


@pytest.mark.parametrize(
    ("logger", "folder"),
    [
        (False, "root"),
        (CSVLogger("logs", name="a", version=2), "logs/a/version_2"),
        (Shared(), "runs/project/3f2a"),
    ],
)
def test_the_folder_is_that_of_the_logger(logger: Logger | bool, folder: str) -> None:
    trainer = Trainer(logger=logger, default_root_dir="root", accelerator="cpu", devices=1)
    assert run_folder(trainer) == Path(folder)
