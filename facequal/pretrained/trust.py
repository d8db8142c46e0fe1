"""Which classes a checkpoint may name: building a class runs its code, so a file from elsewhere must not choose any."""

import importlib
import re
import site
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentError, _common, set_parsing_settings
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from facequal.moved import texts_in
from facequal.names import class_packages

# Packages whose public classes methods are built of; those of data, callbacks and evaluation write and read files.
BUILDING_PACKAGES = tuple(
    f"facequal.{name}" for name in ("degradations", "methods", "models", "models.heads", "pretrained")
)
# Functions that methods take by default.
RECIPES = (
    "facequal.methods.nasfe.search.architecture_adam",
    "facequal.methods.octuplet.method.octuplet_adagrad",
    "facequal.methods.qgface.method.qgface_sgd",
    "facequal.methods.recognition.base.adaface_sgd",
    "facequal.methods.restoration.base.nasfe_adam",
    "facequal.methods.restoration.degradation_classifier.classifier_adam",
)
TORCH_CLASSES = (nn.Module, Optimizer, LRScheduler)


@contextmanager
def only_trusted_classes(stored: Any, path: str | Path, trust: Sequence[str] = ()) -> Iterator[None]:
    """Have jsonargparse build nothing but trusted classes. What has the type `Any` stays data.

    Trusted are the public classes of this package that methods are built of, networks and optimizers of torch, what is
    in the modules in `trust`, and what the user has written in modules that he has imported. Nothing else is imported
    to find that out.

    Args:
        stored: Nested values that a checkpoint holds.
        path: The checkpoint, for the message.
        trust: Further modules and packages.

    Raises:
        ValueError: If the values name a class or function that is not trusted, at any depth, or do not fit.
    """
    ours = our_paths()
    texts = list(texts_in(stored))
    # jsonargparse allows what is below a path too, such as the class methods of a trusted class.
    below = [text for text in texts if any(text.startswith(f"{name}.") for name in ours)]
    for name in (*class_paths(stored), *below):
        if name not in class_packages() and not is_trusted(name, trust):
            raise ValueError(_refusal(path, name))
    # Functions are named without a key that says so: jsonargparse asks for each, before and after it imports it.
    named = {text for text in texts if is_trusted(text, trust)}
    before = dict(_common.parsing_settings)  # there is no public way back
    set_parsing_settings(
        instantiate_subclass_spec_in_any=False,
        import_path_denylist=["*"],
        import_path_allowlist=[*ours, *trust, *named, *filter(None, map(_home, named))],
    )
    try:
        yield
    except ArgumentError as error:
        denied = re.search(r"Importing '([\w.]+)' is not allowed", str(error))
        raise ValueError(_refusal(path, denied[1]) if denied else f"{path}: {error}") from error
    finally:
        _common.parsing_settings.update(before)


def our_paths() -> set[str]:
    """Return the paths of this package's classes and functions that checkpoints may name, public ones and homes."""
    names = {name: package for name, package in class_packages().items() if package in BUILDING_PACKAGES}
    classes = [getattr(importlib.import_module(package), name) for name, package in names.items()]
    homes = {f"{kind.__module__}.{kind.__qualname__}" for kind in classes}
    return {f"{package}.{name}" for name, package in names.items()} | homes | set(RECIPES)


def _refusal(path: str | Path, name: str) -> str:
    module = name.rpartition(".")[0]
    hint = f"trust=[{module!r}] in Python, --trust {module} on the command line" if module else "only by its whole path"
    return (
        f"{path}: names the class {name}, which is not trusted. If it is yours, import its module first; if you know "
        f"what it does, name its module: {hint}"
    )


def class_paths(value: Any, key: str = "") -> Iterator[str]:
    """Yield the class paths in nested values, those under the key `class_path` or `_class_path`."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from class_paths(part, name)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from class_paths(part)
    elif key in ("class_path", "_class_path"):
        yield str(value)


def is_trusted(path: str, trust: Sequence[str] = ()) -> bool:
    """Return whether a class or function may be imported because a checkpoint names it.

    Example:
        >>> is_trusted("facequal.models.IResNet"), is_trusted("torch.optim.SGD"), is_trusted("subprocess.Popen")
        (True, True, False)
    """
    if any(path == module or path.startswith(f"{module}.") for module in trust) or path in our_paths():
        return True
    module, _, name = path.rpartition(".")
    value, home = getattr(sys.modules.get(module), name, None), _home(path)
    if home is None:
        return False
    if home.startswith(("torch.nn.", "torch.optim.")):
        return isinstance(value, type) and issubclass(value, TORCH_CLASSES)
    return _is_users(module) and (home == path or is_trusted(home, trust))


def _home(path: str) -> str | None:
    """Return where a class or function of an imported module is defined, or None."""
    module, _, name = path.rpartition(".")
    value = getattr(sys.modules.get(module), name, None)
    home, qualified = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    return f"{home}.{qualified}" if home and qualified and "<" not in qualified else None


def _is_users(module: str) -> bool:
    """Return whether an imported module is the user's: not Python's, ours or of an installed package."""
    file = getattr(sys.modules[module], "__file__", None)
    installed = (sysconfig.get_path("stdlib"), *site.getsitepackages(), site.getusersitepackages())
    others = [*map(Path, installed), Path(__file__).parents[1]]
    return module == "__main__" if file is None else not any(Path(file).is_relative_to(part) for part in others)
