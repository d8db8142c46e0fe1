"""The order of the package: who may import whom, and what stays out of memory until it is needed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import facequal

PACKAGE = Path(facequal.__file__).parent
ALLOWED: dict[str, set[str]] = {
    "degradations": set(),
    "metrics": set(),
    "models": set(),
    "procedural": {"degradations"},
    "data": {"degradations", "procedural"},
    "pretrained": {"models"},
    "methods": {"models", "metrics", "pretrained"},
    "analysis": {"data", "degradations", "methods", "metrics", "models"},
    "reports": {"__version__", "analysis", "data", "degradations", "metrics"},
    "evaluation": {"data", "degradations", "metrics", "models", "pretrained", "reports"},
    "callbacks": {"data", "evaluation", "methods", "metrics", "reports"},
    "engine": {"callbacks", "data", "evaluation", "pretrained", "reports"},
}
SHARED_BY_METHODS = {"base", "schedules", "recognition", "restoration"}
TORCH_SIDE = {"torch", "torchvision", "torchmetrics", "timm", "kornia", "safetensors", "numpy"}
LAZY = {"wandb", "albumentations", "jinja2", "matplotlib", "pandas", "pyarrow"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def runs_later(node: ast.AST) -> bool:
    """A function's body, or what only a type checker reads."""
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def imports(tree: ast.AST, top_level_only: bool = False) -> set[str]:
    """Dotted names a module imports; with `top_level_only`, those that its import runs."""
    names: set[str] = set()
    pending = list(ast.iter_child_nodes(tree))
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports hide which room they come from"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        if not (top_level_only and runs_later(node)):
            pending += ast.iter_child_nodes(node)
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports(path: Path) -> None:
    tree = ast.parse(path.read_text())
    imported = imports(tree)
    own = room(path)
    if own in ALLOWED:
        rooms = {name.split(".")[1] for name in imported if name.startswith("facequal.")}
        assert rooms <= ALLOWED[own] | {own}
    if own in {"degradations", "metrics", "models"}:
        outside = {name.split(".")[0] for name in imported} - set(sys.stdlib_module_names) - {"facequal"}
        assert outside <= TORCH_SIDE
    assert {name.split(".")[0] for name in imports(tree, top_level_only=True)}.isdisjoint(LAZY)


@pytest.mark.parametrize("path", sorted((PACKAGE / "methods").rglob("*.py")), ids=lambda path: path.stem)
def test_a_method_stays_in_its_folder(path: Path) -> None:
    imported = [name.split(".") for name in imports(ast.parse(path.read_text()))]
    others = {name[2] for name in imported if name[:2] == ["facequal", "methods"] and len(name) > 2}
    own = path.relative_to(PACKAGE / "methods").parts[0].removesuffix(".py")
    assert others <= SHARED_BY_METHODS | {own}


def test_no_room_without_a_name() -> None:
    names = {part for path in MODULES for part in path.relative_to(PACKAGE).with_suffix("").parts}
    assert names.isdisjoint({"utils", "common", "core", "helpers", "misc"})


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_import_no_torch(option: str) -> None:
    code = f"import sys; from facequal.cli import main; main(['{option}']); sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert ("facequal COMMAND" if option == "--help" else facequal.__version__) in done.stdout
