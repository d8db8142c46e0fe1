"""The `facequal` command. Nothing here imports torch until a command needs it: help and version answer at once."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from facequal import __version__

HELP = """\
usage: facequal COMMAND ...

Recognise and restore faces in bad pictures.

commands:
  fit         train a method:            facequal fit -c experiments/demo/adaface.yaml
  validate    compute validation figures of a checkpoint
  test        run the test protocols:    facequal test -c CONFIG --ckpt_path CHECKPOINT
  predict     write embeddings and norms of images to Parquet, or restored pictures
  run         fit, then test, in one process
  repeat      run with several seeds; mean and spread: facequal repeat CONFIG --seeds 3
  compare     two models' reports as tables and pictures: facequal compare BEFORE AFTER --out DIR
  report      compare runs on one HTML page: facequal report RUN... --out DIR
  study       run rows of experiments over seeds; one table: facequal study FILE --jobs 2
  sweep       run the points of a W&B sweep here; one table: facequal sweep FILE --points 10
  degrade     draw the degradations, or write a suite's pictures: facequal degrade FOLDER --gallery PNG
  quality     score a folder by feature norm: facequal quality FOLDER --checkpoint CHECKPOINT
  check-data  list all problems of a data set before training

options:
  -h, --help  show this text; `facequal COMMAND --help` tells a command's own
  --version   show the version
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Args:
        arguments: What follows the program's name; None takes it from `sys.argv`.
    """
    # On a CPU, threads that spin while they wait slow each other down when anything else runs: 330 against 56 images/s
    # for two threads on two cores, one of them busy. OpenMP reads it when torch is first imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # As with `python -m`: classes of the user's own are found by their class paths. Last, so that nothing is hidden.
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    given = list(sys.argv[1:] if arguments is None else arguments)
    command = given[0] if given else "--help"
    if command in ("-h", "--help", "help"):
        print(HELP, end="")
    elif command == "--version":
        print(f"facequal {__version__}")
    elif command == "check-data":
        from facequal.cli.check_data import main as check_data

        check_data(given[1:])
    elif command == "run":
        from facequal.cli.run import main as run

        run(given[1:])
    elif command == "repeat":
        from facequal.cli.repeat import main as repeat

        repeat(given[1:])
    elif command == "compare":
        from facequal.cli.compare import main as compare

        compare(given[1:])
    elif command == "report":
        from facequal.cli.report import main as report

        report(given[1:])
    elif command == "degrade":
        from facequal.cli.degrade import main as degrade

        degrade(given[1:])
    elif command == "quality":
        from facequal.cli.quality import main as quality

        quality(given[1:])
    elif command == "sweep":
        from facequal.cli.sweep import main as sweep

        sweep(given[1:])
    elif command == "study":
        from facequal.cli.study import main as study

        study(given[1:])
    elif command in ("fit", "validate", "test", "predict"):
        from facequal.engine.lightning import FaceQualCLI

        FaceQualCLI(given)
    else:
        sys.exit(f"facequal: there is no command {command!r}\n\n{HELP}")
