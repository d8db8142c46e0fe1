"""Hands pictures, tables and files to the loggers of a run that take them; called on the first rank."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.loggers import WandbLogger

from facequal.data.sources.images import read_image
from facequal.reports.markdown import markdown_table


def log_picture(trainer: Trainer, key: str, path: Path) -> None:
    """Log a picture at the current step: to W&B as an image from its file, to TensorBoard as uint8 RGB (H,W,3).

    Args:
        trainer: Has the loggers; those of other kinds get nothing, the file is in the folder of the run.
        key: Name of the picture, such as `test/roc`.
        path: The file.
    """
    for logger in trainer.loggers:
        if hasattr(logger, "log_image"):
            logger.log_image(key=key, images=[str(path)], step=trainer.global_step)
        elif (add_image := method_of_experiment(logger, "add_image")) is not None:
            add_image(key, read_image(path), trainer.global_step, dataformats="HWC")


def log_table(trainer: Trainer, key: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Log a table at the current step: to W&B as a table, to TensorBoard as text in Markdown.

    Args:
        trainer: Has the loggers; those of other kinds get nothing.
        key: Name of the table, such as `test/results`.
        columns: Heading of each column.
        rows: A cell per column in each row: texts, numbers, None for empty cells.
    """
    for logger in trainer.loggers:
        if hasattr(logger, "log_table"):
            data = [list(row) for row in rows]
            logger.log_table(key=key, columns=list(columns), data=data, step=trainer.global_step)
        elif (add_text := method_of_experiment(logger, "add_text")) is not None:
            texts = [["" if cell is None else str(cell) for cell in row] for row in rows]
            add_text(key, markdown_table(columns, texts, num_texts=len(columns)), trainer.global_step)


def log_files(trainer: Trainer, kind: str, files: Sequence[Path]) -> None:
    """Log files as one W&B artifact of that type, under the name `KIND-ID` with the id of the run.

    Args:
        trainer: Has the loggers; those of other kinds get nothing.
        kind: Type of the artifact, such as `report`.
        files: Its files, of different names.
    """
    for logger in trainer.loggers:
        if isinstance(logger, WandbLogger):
            import wandb

            artifact = wandb.Artifact(f"{kind}-{logger.version}", type=kind)
            for path in files:
                artifact.add_file(str(path), name=path.name)
            logger.experiment.log_artifact(artifact)


def method_of_experiment(logger: Any, name: str) -> Any:
    """Return a method of what a logger writes with, such as TensorBoard's `SummaryWriter`; None if it has none."""
    return getattr(getattr(logger, "experiment", None), name, None)
