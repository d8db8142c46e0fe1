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


def fit_and_test(arguments: Sequence[str]) -> tuple[list[Result], Path]:
    """Fit and test by one configuration.

    Args:
        arguments: a command line of `facequal fit`, without the command.

    Returns:
        The results of all test protocols and the folder of the report.
    """
    cli = FaceQualCLI(["fit", *arguments])
    cli.trainer.test(cli.model, datamodule=cli.datamodule, verbose=False)
    callbacks: list[Callback] = cli.trainer.callbacks  # type: ignore[attr-defined]  # set by the callback connector
    (evaluation,) = (callback for callback in callbacks if isinstance(callback, ProtocolEvaluation))
    return evaluation.results, evaluation.report_folder(cli.trainer)


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(HELP, end="")
        return
    fit_and_test(arguments)
