"""`facequal run`: fit, then test, in one process."""

from collections.abc import Sequence
from pathlib import Path

from lightning.pytorch import Callback

from facequal.cli.lightning import FaceQualCLI
from facequal.evaluation.callback import ProtocolEvaluation
from facequal.evaluation.results import Result

HELP = """\
usage: facequal run -c CONFIG [--OPTION VALUE ...]

Fit, then test the weights at the end of the training, in one process. Options are those of `facequal fit`.
"""


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
        arguments: a command line of `facequal fit`, without the command.

    Returns:
        The results of all test protocols and the folder of the report.
    """
    cli = RunCLI(["fit", *arguments])
    callbacks: list[Callback] = cli.trainer.callbacks  # type: ignore[attr-defined]  # set by the callback connector
    (evaluation,) = (callback for callback in callbacks if isinstance(callback, ProtocolEvaluation))
    return evaluation.results, evaluation.report_folder(cli.trainer)


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(HELP, end="")
        return
    fit_and_test(arguments)
