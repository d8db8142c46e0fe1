"""The `facequal` command. Nothing here imports torch until a command needs it: help and version answer at once."""

import os
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path

from facequal import __version__

# What a command runs, called with the command line after the program's name, and a line about it.
LIGHTNING = "facequal.engine.lightning:FaceQualCLI"
COMMANDS = {
    "fit": (LIGHTNING, "train a method:            facequal fit -c experiments/demo/adaface.yaml"),
    "validate": (LIGHTNING, "compute validation figures of a checkpoint"),
    "test": (LIGHTNING, "run the test protocols:    facequal test -c CONFIG --ckpt_path CHECKPOINT"),
    "predict": (LIGHTNING, "write embeddings and norms of images to Parquet, or restored pictures"),
    "run": ("facequal.cli.run:main", "fit, then test, in one process"),
    "repeat": ("facequal.cli.repeat:main", "several seeds; mean and spread: facequal repeat CONFIG --seeds 3"),
    "compare": (
        "facequal.cli.compare:main",
        "two models' tables and pictures: facequal compare BEFORE AFTER --out DIR",
    ),
    "report": ("facequal.cli.report:main", "compare runs on one HTML page: facequal report RUN... --out DIR"),
    "study": ("facequal.cli.study:main", "rows of experiments over seeds; one table: facequal study FILE --jobs 2"),
    "sweep": ("facequal.cli.sweep:main", "points of a W&B sweep, run here; one table: facequal sweep FILE --points 10"),
    "degrade": ("facequal.cli.degrade:main", "draw degradations, write suites: facequal degrade FOLDER --gallery PNG"),
    "quality": ("facequal.cli.quality:main", "score pictures by norm: facequal quality FOLDER --checkpoint CHECKPOINT"),
    "check-data": ("facequal.cli.check_data:main", "list all problems of a data set before training"),
}
HELP = """\
usage: facequal COMMAND ...

Recognise and restore faces in bad pictures.

commands:
{}
options:
  -h, --help  show this text; `facequal COMMAND --help` tells a command's own
  --version   show the version
""".format("".join(f"  {name:<12}{line}\n" for name, (_, line) in COMMANDS.items()))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Args:
        arguments: What follows the program's name; None takes it from `sys.argv`.

    Raises:
        SystemExit: If there is no such command.
    """
    # On a CPU, threads that spin while they wait slow each other down when anything else runs: 330 against 56 images/s
    # for two threads on two cores, one of them busy. OpenMP reads it when torch is first imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # As with `python -m`: classes of the user's own are found by their class paths. Last, so that nothing is hidden.
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    line = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if line[0] in ("-h", "--help", "help"):
        print(HELP, end="")
    elif line[0] == "--version":
        print(f"facequal {__version__}")
    elif line[0] in COMMANDS:
        pkgutil.resolve_name(COMMANDS[line[0]][0])(line)
    else:
        sys.exit(f"facequal: there is no command {line[0]!r}\n\n{HELP}")
