"""The parser of the command line, which says what classes there are where a name is none."""

import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import is_dataclass
from difflib import get_close_matches
from typing import Any, NoReturn, get_args, get_type_hints

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

    Those of the kind asked for, where the message tells it.

    Example:
        >>> import facequal.models.iresnet
        >>> kind = "Subtypes: [<class 'facequal.models.backbones.Backbone'>, <class 'NoneType'>]"
        >>> print(with_class_names(f"{kind} Expected a dot import path string: IResNt"))
        Subtypes: [<class 'facequal.models.backbones.Backbone'>, ...] Expected a dot import path string: IResNt
        <BLANKLINE>
        There is no class 'IResNt' of the kind asked for. Did you mean IResNet? By their names alone there are
          facequal.models: IRTiny, IResNet, TimmBackbone
        and every imported class; others need their class path, such as my_module.MyClass
    """
    unknown = re.search(r"Expected a dot import path string: (\w+)", message)
    if unknown is None:
        return message
    name, kinds = unknown[1], kinds_asked_for(message[: unknown.start()])
    packages = {public: package for public, package in class_packages().items() if can_be_built(public, package, kinds)}
    names = {public.lower(): public for public in [*_names_of_subclasses(kinds), *packages] if public != name}
    close = get_close_matches(name.lower(), names)
    meant = f" Did you mean {names[close[0]]}?" if close else ""
    lines = [
        message,
        "",
        f"There is no class {name!r} of the kind asked for.{meant} By their names alone there are",
    ]
    lines += [
        f"  {package}: {', '.join(name for name, home in packages.items() if home == package)}"
        for package in dict.fromkeys(packages.values())
    ]
    return "\n".join([*lines, "and every imported class; others need their class path, such as my_module.MyClass"])


def kinds_asked_for(message: str) -> tuple[type, ...]:
    """Return the classes, one of which a value must be by a message of jsonargparse; none where it does not tell.

    The last part tells it: the types of an option, or a class and the name of its argument.

    Args:
        message: The message, up to where it says that there is no such class.
    """
    *_, part = message.rpartition("Parser key ")
    if subtypes := re.findall(r"Subtypes: \[(.*)\]", part):
        types = [_imported(path) for path in re.findall(r"\w+(?:\.\w+)+", subtypes[-1])]
        return tuple(kind for asked_for in types for kind in _classes_in(asked_for))
    owners, key = re.findall(r"class_path '([\w.]+)'", message), re.match(r'"(\w+)"', part)
    owner = _imported(owners[-1]) if owners else None
    if not isinstance(owner, type) or key is None:
        return ()
    for base in inspect.getmro(owner):  # a class hands on to its bases what it does not name
        initialise = vars(base).get("__init__")
        annotation = get_type_hints(initialise).get(key[1]) if initialise else None
        if annotation is not None or base.__module__.partition(".")[0] in ("torch", "lightning"):
            return tuple(_classes_in(annotation))
    return ()


def can_be_built(name: str, package: str, kinds: tuple[type, ...] = ()) -> bool:
    """Return whether a public class is one to name in a configuration: no base, no record, no error.

    Args:
        name: Its name.
        package: The package that hands it out.
        kinds: It must be one of these; any without them.
    """
    public = getattr(sys.modules[package], name)
    if not isinstance(public, type) or inspect.isabstract(public) or getattr(public, "_is_protocol", False):
        return False
    return (
        bool({*kinds} & {*inspect.getmro(public)})
        if kinds
        else not (issubclass(public, (tuple, Exception)) or is_dataclass(public))
    )


def _imported(path: str) -> Any:
    """Return what a dotted path names, if its module is imported; None otherwise."""
    module, _, name = path.rpartition(".")
    return getattr(sys.modules.get(module), name, None)


def _classes_in(annotation: Any) -> Iterator[type]:
    """Yield the classes in a type, but those of Python itself, and protocols that no class names."""
    for part in get_args(annotation) or (annotation,):
        if part is not annotation:
            yield from _classes_in(part)
        elif (
            isinstance(part, type)
            and (not getattr(part, "_is_protocol", False) or part.__subclasses__())
            and part.__module__.partition(".")[0] not in sys.stdlib_module_names
        ):
            yield part


def _names_of_subclasses(kinds: tuple[type, ...]) -> set[str]:
    """Return the names of all imported classes of some kinds."""
    names: set[str] = set()
    for kind in kinds:
        subclasses: tuple[type, ...] = tuple(kind.__subclasses__())
        names |= {subclass.__name__ for subclass in subclasses if not subclass.__name__.startswith("_")}
        names |= _names_of_subclasses(subclasses)
    return names
