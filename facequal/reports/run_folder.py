"""Where a run keeps its files."""

from pathlib import Path

from lightning.pytorch import Trainer
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger


def run_folder(trainer: Trainer) -> Path:
    """Return the folder of a run, equal on all ranks: the logger's own, or the root folder without a logger.

    W&B and others keep all runs in one `save_dir`; there the folder is `save_dir/name/version`, where
    `ModelCheckpoint` also writes.
    """
    logger = trainer.logger
    if logger is None:
        folder = Path(trainer.default_root_dir)
    elif isinstance(logger, CSVLogger | TensorBoardLogger):
        folder = Path(logger.log_dir)
    else:
        folder = Path(logger.save_dir or trainer.default_root_dir) / str(logger.name) / str(logger.version)
    return Path(trainer.strategy.broadcast(str(folder)))
