"""What `facequal repeat` and `facequal study` share: where a run keeps its files, and what its figures depend on."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import yaml

from facequal.engine.inherit import CONFIG_FLAGS, expand_inherited


def run_options(folder: Path, seed: int) -> list[str]:
    """Return options that give a run its seed and keep all its files in `folder`."""
    logger = "lightning.pytorch.loggers.CSVLogger"
    place = [f"--trainer.logger={logger}", f"--trainer.logger.save_dir={folder}", "--trainer.logger.name="]
    place += ["--trainer.logger.version=", f"--trainer.default_root_dir={folder}"]
    return [f"--seed_everything={seed}", *place]


def experiment_digest(arguments: Sequence[str]) -> str:
    """Return SHA-256 of a command line, with the content of its configuration files and of all they inherit for their names.

    The content counts as YAML reads it: comments and layout may change, such as the figures in a file's header. Other
    files that the command line names, such as weights, count too; those that a configuration names do not.

    Args:
        arguments: A command line of `facequal fit`, without the command.

    Raises:
        FileNotFoundError: If a configuration file does not exist.
    """
    parts: list[str] = []
    expanded = iter(expand_inherited(arguments))
    for argument in expanded:
        if argument not in CONFIG_FLAGS:
            parts += [argument, *content_digest(argument.rpartition("=")[2])]
            continue
        file = Path(next(expanded))
        if not file.is_file():
            raise FileNotFoundError(f"there is no file {file}")
        parts.append(yaml.safe_dump(yaml.safe_load(file.read_text()), sort_keys=False))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def content_digest(value: str) -> list[str]:
    """Return SHA-256 of a file's content, if the value is the path of one."""
    path = Path(value)
    try:
        return [hashlib.sha256(path.read_bytes()).hexdigest()] if path.is_file() else []
    except (OSError, ValueError):  # any text may stand here, too long or too strange for a path
        return []
