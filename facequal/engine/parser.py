"""The parser of the command line, which says what classes there are where a name is none."""

import inspect
import re
import sys
from difflib import get_close_matches
from typing import Any, NoReturn

from lightning.pytorch.cli import LightningArgumentParser

from facequal.names import class_packages


class ClassNameParser(LightningArgumentParser):
    """LightningCLI's parser. jsonargparse takes the name of an imported class for its class path."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Stop with a message, to which it adds the classes of this package where a name is none of those asked for."""
        super().error(with_class_names(with_spelling(message)) if self.exit_on_error else message, ex)

    def print_usage(self, file: Any = None) -> None:
        """Print one line in place of all options: it stands before each error."""
        print(f"usage: {self.prog} -c CONFIG [--OPTION VALUE ...]", file=file)


def with_spelling(message: str) -> str:
    """Return a message of jsonargparse; where it is about an option with hyphens, with how that is spelled.

    Example:
        >>> print(with_spelling("unrecognized arguments: --data.batch-size 8"))
        unrecognized arguments: --data.batch-size 8
        Options have underscores: data.batch_size
    """
    unknown = re.search(r"(?:unrecognized arguments: --|Option ')([\w.]*\w-[\w.-]+)", message)
    return f"{message}\nOptions have underscores: {unknown[1].replace('-', '_')}" if unknown else message


def with_class_names(message: str) -> str:
    """Return a message of jsonargparse; where it is about the name of a class, with the classes that there are.

    Example:
        >>> print(with_class_names("Expected a dot import path string: Recogniser"))
        Expected a dot import path string: Recogniser
        <BLANKLINE>
        There is no class 'Recogniser' of the kind asked for. Did you mean Recognizer? By their names alone there are
          facequal.callbacks: EmbeddingWriter, ...
    """
    unknown = re.search(r"Expected a dot import path string: (\w+)", message)
    if unknown is None:
        return message
    packages = {name: package for name, package in class_packages().items() if can_be_built(name, package)}
    close = [name for name in get_close_matches(unknown[1], packages) if name != unknown[1]]
    meant = f" Did you mean {close[0]}?" if close else ""
    lines = [
        message,
        "",
        f"There is no class {unknown[1]!r} of the kind asked for.{meant} By their names alone there are",
    ]
    lines += [
        f"  {package}: {', '.join(name for name, home in packages.items() if home == package)}"
        for package in dict.fromkeys(packages.values())
    ]
    return "\n".join([*lines, "and every imported class; others need their class path, such as my_module.MyClass"])


def can_be_built(name: str, package: str) -> bool:
    """Return whether a public class is one to name in a configuration: no base, no record, no error."""
    public = getattr(sys.modules[package], name)
    is_class = isinstance(public, type) and not inspect.isabstract(public)
    return is_class and not issubclass(public, (tuple, Exception))
