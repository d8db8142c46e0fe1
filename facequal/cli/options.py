"""What the parsers of the commands share: their make, errors as messages, and options of `facequal fit` that follow."""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

# First parts of the options of `facequal fit`: a wrong one is better found here than by every run.
FIT_KEYS = (
    *("config", "inherit", "seed_everything", "ckpt_path", "weights_only"),
    *("trainer", "model", "data", "evaluation", "embeddings", "restored"),
)


def make_parser(command: str, text: str, epilog: str | None = None) -> ArgumentParser:
    """Return a parser whose help shows its texts as they are written.

    Args:
        command: Name of the command.
        text: What stands before the options: the docstring of the command's module.
        epilog: What stands after them.
    """
    formatter = argparse.RawDescriptionHelpFormatter
    return ArgumentParser(
        prog=f"facequal {command}", allow_abbrev=False, description=text, epilog=epilog, formatter_class=formatter
    )


def add_seeds(parser: ArgumentParser) -> None:
    """Add the options of commands that repeat their runs: how many seeds, and the first one."""
    parser.add_argument("--seeds", type=int, default=3, help="how many (default: 3)")
    parser.add_argument("--first_seed", type=int, default=0, help="the first seed (default: 0)")


def parse_runs(parser: ArgumentParser, line: Sequence[str], folder: Path) -> tuple[Namespace, list[str]]:
    """Parse the command line of a command that does several runs.

    Args:
        parser: The parser of the command; `--folder` is added.
        line: The command line after the program's name: the command, a file, and options.
        folder: The default of `--folder`, without the name of the file.

    Returns:
        The options, with `seeds` as a range and `folder` in place, and options of `facequal fit` for every run.

    Raises:
        ValueError: If an option is unknown, or a number is below 1.
    """
    parser.add_argument("--folder", type=Path, help=f"where runs and table go (default: {folder}/NAME)")
    arguments, fit_options = split_fit_options(parser, line[1:])
    options = parser.parse_args(arguments)
    for name in ("seeds", "jobs"):
        if options.get(name, 1) < 1:
            raise ValueError(f"--{name} must be at least 1, got {options[name]}")
    options.folder = options.folder or folder / options.file.stem
    if "seeds" in options:
        options.seeds = range(options.first_seed, options.first_seed + options.seeds)
    return options, fit_options


def split_fit_options(parser: ArgumentParser, arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the arguments of a command, and the options of `facequal fit` among them with their values.

    Args:
        parser: The parser of the command.
        arguments: Its arguments: those without a dash in front belong to the option before them.

    Raises:
        ValueError: If an option is neither the command's nor one of `facequal fit`, or is spelled with hyphens.

    >>> parser = make_parser("study", "Run rows.")
    >>> _ = parser.add_argument("file"), parser.add_argument("--seeds", type=int)
    >>> split_fit_options(parser, ["rows.yaml", "-c", "tiny.yaml", "--data.batch_size=8", "--seeds", "2"])
    (['rows.yaml', '--seeds', '2'], ['-c', 'tiny.yaml', '--data.batch_size=8'])
    """
    options = {option for action in parser._actions for option in action.option_strings}
    command_arguments: list[str] = []
    fit_arguments: list[str] = []
    current = command_arguments
    for argument in arguments:
        if re.match("--?[a-zA-Z]", argument):  # not a negative number
            name = argument.partition("=")[0]
            current = command_arguments if name in options else fit_arguments
            if current is fit_arguments and name != "-c" and top_key(name) not in FIT_KEYS:
                spelled = f"--{name.lstrip('-').replace('-', '_')}"
                if spelled in options or top_key(spelled) in FIT_KEYS:
                    raise ValueError(f"{name} is spelled {spelled}")
                raise ValueError(f"{argument} is an option neither of this command nor of facequal fit")
        current.append(argument)
    return command_arguments, fit_arguments


def top_key(option: str) -> str:
    """Return what an option such as `--data.batch_size=8` begins with: `data`.

    >>> top_key("--trainer.callbacks+=Preview"), top_key("--ckpt_path")
    ('trainer', 'ckpt_path')
    """
    return option.removeprefix("--").partition("=")[0].partition(".")[0]


@contextmanager
def errors_as_messages(command: str) -> Iterator[None]:
    """End with a message in place of a traceback where files or options are wrong.

    Args:
        command: Name of the command, which the message begins with.

    Raises:
        SystemExit: If there is an OSError or ValueError, or a package of an extra is missing.
    """
    try:
        yield
    except (OSError, ValueError, ModuleNotFoundError) as error:
        sys.exit(f"facequal {command}: {error}")
