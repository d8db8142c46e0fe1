"""`facequal run`: fit, then test, in one process."""

from collections.abc import Sequence

from facequal.engine.fit_and_test import fit_and_test

HELP = """\
usage: facequal run -c CONFIG [--OPTION VALUE ...]

Fit, then test the weights at the end of the training, in one process. Options are those of `facequal fit`.
"""


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(HELP, end="")
        return
    fit_and_test(arguments)
