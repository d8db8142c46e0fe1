"""`facequal run`: fit, then test, in one process."""

from collections.abc import Sequence

from facequal.engine.interruption import stops_on_ctrl_c

HELP = """\
usage: facequal run -c CONFIG [--OPTION VALUE ...]

Fit, then test the weights at the end of the training, in one process. Options are those of `facequal fit`.
"""


def main(line: Sequence[str]) -> None:
    """Run the command.

    Args:
        line: The command line after the program's name.

    Raises:
        SystemExit: With status 130 on Ctrl-C.
    """
    if line[1:2] in ([], ["-h"], ["--help"]):
        print(HELP, end="")
        return
    with stops_on_ctrl_c("`--ckpt_path` with a checkpoint of this run goes on from there"):
        from facequal.engine.fit_and_test import start

        start("run", line[1:])
