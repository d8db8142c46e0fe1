"""Public names: what each package hands out, imported when it is first asked for."""

import importlib
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Packages whose classes configurations name.
CONFIGURED = (
    "callbacks",
    "data",
    "degradations",
    "evaluation",
    "methods",
    "models",
    "models.heads",
    "pretrained",
    "procedural",
)


def lazy_names(package: str, file: str) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__all__`, `__getattr__` and `__dir__` of a package whose names are imported when they are asked for.

    The names and their modules are the lines `from MODULE import NAME as NAME` of the package's own file, which stand
    under `if TYPE_CHECKING:`. So type checkers and editors read what the package does.

    Args:
        package: The package, its `__name__`.
        file: Its `__file__`.
    """
    lines = re.findall(r"^    from (\S+) import (\w+) as \2$", Path(file).read_text(encoding="utf-8"), re.MULTILINE)
    modules = {name: module for module, name in lines}

    def get(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(modules[name]), name)

    return sorted(modules), get, lambda: sorted(modules)


def is_class_name(name: str) -> bool:
    """Return whether a name is written as that of a class, neither as a function's nor as a constant's."""
    return name[0].isupper() and "_" not in name


def class_packages() -> dict[str, str]:
    """Return the classes that configurations may name, and the package that hands each out. Imports none of them.

    Example:
        >>> class_packages()["Recognizer"]
        'facequal.methods'
    """
    packages = [importlib.import_module(f"facequal.{name}") for name in CONFIGURED]
    return {name: package.__name__ for package in packages for name in package.__all__ if is_class_name(name)}


def public_path(path: str) -> str:
    """Return the class path of an imported class as its package hands it out; other paths come back as they are.

    Example:
        >>> import facequal.models.iresnet
        >>> public_path("facequal.models.iresnet.IResNet"), public_path("torch.nn.Identity")
        ('facequal.models.IResNet', 'torch.nn.Identity')
    """
    module, _, name = path.rpartition(".")
    package = class_packages().get(name)
    value = getattr(sys.modules.get(module), name, None)
    return path if package is None or value is not getattr(sys.modules[package], name) else f"{package}.{name}"


def import_classes() -> None:
    """Import all classes that configurations may name: jsonargparse finds a bare name among those that are there."""
    for name, package in class_packages().items():
        getattr(importlib.import_module(package), name)
