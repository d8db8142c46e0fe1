"""Which classes a checkpoint may name: building a class runs its code, so a file from elsewhere must not choose any."""

import re
import site
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentError, _common, set_parsing_settings

from facequal.moved import texts_in

TRUSTED = ("facequal", "torch.nn", "torch.optim")


@contextmanager
def only_trusted_classes(stored: Any, path: str | Path, trust: Sequence[str] = ()) -> Iterator[None]:
    """Have jsonargparse build nothing but trusted classes, and what a type allows: values of the type `Any` stay data.

    Trusted are the classes of this package, `torch.nn` and `torch.optim`, of the modules in `trust`, and of modules
    that the user has imported. Nothing is imported to find that out.

    Args:
        stored: Nested values that a checkpoint holds.
        path: The checkpoint, for the message.
        trust: Further modules and packages.

    Raises:
        ValueError: If the values name a class or function that is not trusted, at any depth, or do not fit.
    """
    for name in class_paths(stored):
        if not is_trusted(name, trust):
            raise ValueError(_refusal(path, name))
    # Functions are named without a key that says so: jsonargparse asks for each, before and after it imports it.
    users = {text: home for text in texts_in(stored) if (home := _home(text)) and is_trusted(home, trust)}
    before = dict(_common.parsing_settings)  # there is no public way back
    set_parsing_settings(
        instantiate_subclass_spec_in_any=False,
        import_path_denylist=["*"],
        import_path_allowlist=[*TRUSTED, *trust, *users, *users.values()],
    )
    try:
        yield
    except ArgumentError as error:
        denied = re.search(r"Importing '([\w.]+)' is not allowed", str(error))
        raise ValueError(_refusal(path, denied[1]) if denied else f"{path}: {error}") from error
    finally:
        _common.parsing_settings.update(before)


def _refusal(path: str | Path, name: str) -> str:
    module = name.rpartition(".")[0]
    return (
        f"{path}: names the class {name}, which is not trusted. If it is yours, import its module first; if you know "
        f"what it does, name its module: trust=[{module!r}] in Python, --trust {module} on the command line"
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
        >>> is_trusted("facequal.models.IResNet"), is_trusted("subprocess.Popen")
        (True, False)
    """
    if any(path == module or path.startswith(f"{module}.") for module in (*TRUSTED, *trust)):
        return True
    home = _home(path)
    return home is not None and (home == path or is_trusted(home, trust))


def _home(path: str) -> str | None:
    """Return where something in a module of the user's is defined, None where the user has imported no such module."""
    module, _, name = path.rpartition(".")
    if not _is_users(module):
        return None
    value = getattr(sys.modules[module], name, None)
    home, qualified = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    return f"{home}.{qualified}" if home and qualified and "<" not in qualified else None


def _is_users(module: str) -> bool:
    """Return whether a module is imported and none of Python's or of an installed package: those import each other."""
    if module not in sys.modules:
        return False
    file = getattr(sys.modules[module], "__file__", None)
    installed = [sysconfig.get_path("stdlib"), *site.getsitepackages(), site.getusersitepackages()]
    return module == "__main__" if file is None else not any(Path(file).is_relative_to(part) for part in installed)
