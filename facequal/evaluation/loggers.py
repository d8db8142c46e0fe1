"""Hands figures, pictures, tables and files to the loggers of a run, each what it takes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger

from facequal.data.sources.images import read_image
from facequal.evaluation.evaluator import ALL
from facequal.evaluation.settings import RESTORED
from facequal.reports.markdown import markdown_table
from facequal.reports.results import RESULT_COLUMNS, Result, result_rows


def log_results(pl_module: LightningModule, stage: str, results: Sequence[Result]) -> None:
    """Log every figure as `stage/protocol/condition/column/metric`, and what checkpoints are chosen by.

    That is `stage/accuracy`, the mean accuracy, and `stage/psnr`, the mean PSNR of the pictures that the method
    restored. All ranks compute the same figures; averaging them changes nothing, and Lightning asks for it.

    Args:
        pl_module: Logs the figures.
        stage: "val" or "test".
        results: The figures.
    """
    for result in results:
        column = result.column.replace(" ", "")
        pl_module.log(
            f"{stage}/{result.protocol}/{result.condition}/{column}/{result.metric}", result.value, sync_dist=True
        )
    accuracies = [result.value for result in of_whole_sets(results, "accuracy")]
    if accuracies:
        pl_module.log(f"{stage}/accuracy", sum(accuracies) / len(accuracies), prog_bar=True, sync_dist=True)
    # Clean inputs have no PSNR to gain on: they do not count.
    psnrs = [result for result in of_whole_sets(results, "psnr", RESTORED) if result.num]
    if psnrs:
        total = sum(result.num for result in psnrs)
        mean = sum(result.value * result.num for result in psnrs) / total
        pl_module.log(f"{stage}/psnr", mean, prog_bar=True, sync_dist=True)


def of_whole_sets(results: Sequence[Result], metric: str, column: str = "") -> list[Result]:
    """Return the figures of a metric without those of classes of a protocol that has one over all its classes.

    Args:
        results: Figures of several protocols.
        metric: The metric.
        column: Beginning of the columns' names.

    >>> results = [Result("mine", condition, "7 px", "accuracy", 0.9) for condition in ("all", "blur", "noise")]
    >>> [result.condition for result in of_whole_sets(results, "accuracy")]
    ['all']
    """
    chosen = [result for result in results if result.metric == metric and result.column.startswith(column)]
    whole = {result.protocol for result in chosen if result.condition == ALL}
    return [result for result in chosen if result.condition == ALL or result.protocol not in whole]


def log_report(trainer: Trainer, results: Sequence[Result], files: Sequence[Path]) -> None:
    """Log the figures of a test as a table, its pictures, such as `test/roc`, and all files; called on the first rank.

    Args:
        trainer: Has the loggers.
        results: The figures.
        files: The report, its pictures and tables.
    """
    log_table(trainer, "test/results", RESULT_COLUMNS, result_rows(results))
    for path in files:
        if path.suffix == ".png":
            log_picture(trainer, f"test/{path.stem}", path)
    log_files(trainer, "report", files)


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
