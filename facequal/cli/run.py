"""`facequal run`: fit, then test the weights at the end of the training, in one process.

usage: facequal run -c CONFIG [--OPTION VALUE ...]

Options are those of `facequal fit`.
"""

from collections.abc import Sequence

from facequal.engine.interruption import stops_on_ctrl_c


def main(line: Sequence[str]) -> None:
    """Run the command.

    Args:
        line: The command line after the program's name.

    Raises:
        SystemExit: If Ctrl-C is pressed (status 130).
    """
    if line[1:2] in ([], ["-h"], ["--help"]):
        print(__doc__, end="")
        return
    with stops_on_ctrl_c("`--ckpt_path` with a checkpoint of this run goes on from there"):
        from facequal.engine.fit_and_test import start

        start("run", line[1:])
