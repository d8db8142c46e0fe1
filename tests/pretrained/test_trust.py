"""Which classes a checkpoint may name, and what jsonargparse does meanwhile."""

import importlib
import subprocess
import sys
import types
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from jsonargparse import ArgumentParser, _common
from torch import nn

from facequal.pretrained.trust import RECIPES, class_paths, is_trusted, only_trusted_classes, our_paths


class Mine:
    """A class of a module that is imported and not installed."""


def test_class_paths_at_any_depth() -> None:
    values = {
        "_class_path": "a.A",
        "class_path": "b.B",
        "init_args": {"parts": [{"class_path": "c.C"}, ({"x": {"class_path": "d.D"}},)], "name": "e.E"},
        "other": {"class_path": {"class_path": "f.F"}},
    }
    assert list(class_paths(values)) == ["a.A", "b.B", "c.C", "d.D", "f.F"]


@pytest.mark.parametrize(
    "path", ["facequal.models.IResNet", "torch.optim.SGD", "torch.nn.Identity", f"{__name__}.Mine"]
)
def test_trusted(path: str) -> None:
    assert is_trusted(path)


@pytest.mark.parametrize(
    "path",
    [
        "subprocess.Popen",  # imported, but Python's
        "numpy.load",  # imported, but of a package that others import
        "torch.hub.load",
        "torch.optimal.SGD",
        "facequality.Head",
        f"{__name__}.subprocess",
        f"{__name__}.nn",
        f"{__name__}.Missing",
        "gone.Class",
        "Popen",
        "",
    ],
)
def test_not_trusted(path: str) -> None:
    assert not is_trusted(path)


def test_what_a_users_module_took_from_elsewhere_is_not_his(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = types.ModuleType("lent")
    module.__file__ = str(tmp_path / "lent.py")
    module.Popen = subprocess.Popen  # type: ignore[attr-defined]
    module.Linear = nn.Linear  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lent", module)
    assert not is_trusted("lent.Popen")
    assert is_trusted("lent.Popen", ["subprocess"])
    assert is_trusted("lent.Linear")  # of torch.nn


def test_modules_named_as_trusted() -> None:
    assert is_trusted("somewhere.heads.Head", ["somewhere"])
    assert is_trusted("somewhere.heads.Head", ["other", "somewhere.heads"])
    assert not is_trusted("somewhere.Head", ["somewhere.heads"])


def test_the_message_says_what_to_do() -> None:
    with (
        pytest.raises(ValueError, match=r"x\.ckpt: names the class a\.b\.C, which is not trusted.*--trust a\.b on the"),
        only_trusted_classes({"head": {"class_path": "a.b.C"}}, "x.ckpt"),
    ):
        pass


def build(kind: Any, value: Any) -> Any:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--x", type=kind)
    return parser.instantiate_classes(parser.parse_object({"x": value})).x


def test_a_value_of_any_type_is_data() -> None:
    value = {"class_path": "torch.nn.Identity", "init_args": {}}
    with only_trusted_classes(value, "x.ckpt"):
        assert not isinstance(build(Any, value), nn.Module)
        assert build(dict[str, Any], {"layer": dict(value)})["layer"]["class_path"] == "torch.nn.Identity"
        assert isinstance(build(nn.Module, value), nn.Identity)


@pytest.mark.parametrize(
    "path", ["torch.nn.modules.module.functools.partial", "facequal.names.importlib.import_module"]
)
def test_what_a_trusted_module_has_imported_is_refused(path: str) -> None:
    with (
        pytest.raises(ValueError, match=r"x\.ckpt: names the class .*(functools|importlib)\.\w+, which is not trusted"),
        only_trusted_classes({}, "x.ckpt"),
    ):
        build(Callable, path)


def test_settings_come_back() -> None:
    before = dict(_common.parsing_settings)
    with only_trusted_classes({}, "x.ckpt"):
        assert _common.parsing_settings != before
    assert _common.parsing_settings == before
    with suppress(ZeroDivisionError), only_trusted_classes({}, "x.ckpt"):
        raise ZeroDivisionError
    assert _common.parsing_settings == before


def classes_in(hint: Any) -> set[type]:
    """Classes of this package in a type hint."""
    if isinstance(hint, type) and hint.__module__.startswith("facequal."):
        return {hint}
    return {kind for part in get_args(hint) if not isinstance(part, list) for kind in classes_in(part)}


@pytest.mark.parametrize("path", sorted(path for path in our_paths() if path not in RECIPES))
def test_what_our_classes_take_may_be_named_too(path: str) -> None:
    module, _, name = path.rpartition(".")
    kind = getattr(importlib.import_module(module), name)
    for parameter, hint in get_type_hints(kind.__init__).items():
        for taken in classes_in(hint):
            assert f"{taken.__module__}.{taken.__qualname__}" in our_paths(), (
                f"{parameter} takes a {taken.__qualname__}"
            )


def test_recipes_are_functions_of_methods() -> None:
    for path in RECIPES:
        module, _, name = path.rpartition(".")
        assert callable(getattr(importlib.import_module(module), name))
