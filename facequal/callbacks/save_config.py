"""The configuration of a run, saved beside its results."""

from pathlib import Path

import yaml
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import SaveConfigCallback
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.trainer.states import TrainerFn

from facequal.reports.run_folder import run_folder


class SaveRunConfig(SaveConfigCallback):
    """The file `config.yaml` (`test_config.yaml` and so on) in the folder of the run, whatever logger is used.

    Lightning's own callback writes beside the run with `WandbLogger`, where the second run finds the file of the
    first and stops. Here W&B gets the same content as the configuration of its run.
    """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write the file on rank 0, once."""
        folder = run_folder(trainer)  # asks all ranks
        if trainer.is_global_zero and not self.already_saved:
            folder.mkdir(parents=True, exist_ok=True)
            text = self.parser.dump(self.config, skip_none=False)
            prefix = "" if stage == TrainerFn.FITTING else f"{TrainerFn(stage).value}_"
            name = f"{prefix}{self.config_filename}"
            Path(folder / name).write_text(text)
            for logger in trainer.loggers:
                if isinstance(logger, WandbLogger):
                    logger.log_hyperparams(yaml.safe_load(text))
        self.already_saved = True
