"""Runs in a worker process."""

from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ProgressBar

from facequal.engine.fit_and_test import RunCLI
from facequal.engine.lightning import FaceQualCLI


class WorkerFit(FaceQualCLI):
    """`facequal fit` on one device, without progress bar and model summary: the workers share the machine."""

    def instantiate_trainer(self, **options: Any) -> Trainer:
        """Return the trainer; the saved configuration stays as it is.

        Raises:
            ValueError: If the experiment asks for several devices.
        """
        if self._get(self.config_init, "trainer")["devices"] == "auto":
            options["devices"] = 1
        trainer = super().instantiate_trainer(enable_model_summary=False, **options)
        if trainer.world_size > 1:  # Lightning would start the whole study again for each of them
            raise ValueError(f"trainer.devices: {trainer.world_size} processes in one of several jobs; use --jobs 1")
        for callback in trainer.callbacks:  # type: ignore[attr-defined]  # set by the callback connector
            if isinstance(callback, ProgressBar):
                callback.disable()
        return trainer


class WorkerRun(WorkerFit, RunCLI):
    """`facequal run` in the same way."""
