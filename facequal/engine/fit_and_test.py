"""Fit, then test, in one process: what every run of a study, of seeds or of a sweep does."""

from collections.abc import Sequence
from pathlib import Path

from lightning.pytorch import Callback

from facequal.engine.lightning import FaceQualCLI
from facequal.evaluation.callback import ProtocolEvaluation
from facequal.reports.results import Result


class RunCLI(FaceQualCLI):
    """`facequal fit` that tests afterwards, and makes sure beforehand that it will be able to."""

    def before_fit(self) -> None:
        """Read the lists of all test protocols: a missing file is better found now than after the training."""
        for protocol in self.datamodule.test_protocols:
            _ = protocol.images

    def after_fit(self) -> None:
        """Test the weights at the end of the training."""
        self.trainer.test(self.model, datamodule=self.datamodule, verbose=False)


def fit_and_test(arguments: Sequence[str]) -> tuple[list[Result], Path]:
    """Fit and test by one configuration.

    Args:
        arguments: A command line of `facequal fit`, without the command.

    Returns:
        The results of all test protocols and the folder of the report.
    """
    cli = RunCLI(["fit", *arguments])
    callbacks: list[Callback] = cli.trainer.callbacks  # type: ignore[attr-defined]  # set by the callback connector
    (evaluation,) = (callback for callback in callbacks if isinstance(callback, ProtocolEvaluation))
    return evaluation.results, evaluation.report_folder(cli.trainer)
