"""Running one command of Lightning's, in this process or as one of several jobs."""

from collections.abc import Sequence
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ProgressBar

from facequal.engine.lightning import FaceQualCLI


class RunCLI(FaceQualCLI):
    """`facequal fit` that tests afterwards, and makes sure beforehand that it will be able to."""

    called = "run"

    def before_fit(self) -> None:
        """Read the lists of all test protocols: a missing file is better found now than after the training."""
        for protocol in self.datamodule.test_protocols:
            _ = protocol.images

    def after_fit(self) -> None:
        """Test the weights at the end of the training."""
        self.trainer.test(self.model, datamodule=self.datamodule, verbose=False)


class WorkerCLI(FaceQualCLI):
    """A command on one device, without progress bar and model summary: the workers share the machine."""

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


class WorkerRunCLI(WorkerCLI, RunCLI):
    """`facequal run` in the same way."""


def start(command: str, arguments: Sequence[str], as_worker: bool = False) -> Trainer:
    """Run a command to its end and return its trainer.

    Args:
        command: "run", which fits and then tests, or a command of Lightning's such as "fit".
        arguments: The command line of `facequal fit`, without the command.
        as_worker: Run it as one of several jobs of this machine.
    """
    if command == "run":
        return (WorkerRunCLI if as_worker else RunCLI)(["fit", *arguments]).trainer
    return (WorkerCLI if as_worker else FaceQualCLI)([command, *arguments]).trainer
