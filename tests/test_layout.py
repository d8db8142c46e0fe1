"""The order of the package: who may import whom, and what stays out of memory until it is needed."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import facequal

PACKAGE = Path(facequal.__file__).parent
TESTS = Path(__file__).parent
ALLOWED: dict[str, set[str]] = {
    "degradations": set(),
    "metrics": set(),
    "models": set(),
    "procedural": {"degradations"},
    "data": {"degradations", "procedural"},
    "pretrained": {"models", "moved"},
    "methods": {"models", "metrics", "pretrained"},
    "analysis": {"data", "degradations", "methods", "metrics", "models"},
    "reports": {"__version__", "analysis", "data", "degradations", "metrics"},
    "evaluation": {"data", "degradations", "metrics", "models", "pretrained", "reports"},
    "callbacks": {"data", "evaluation", "methods", "metrics", "reports"},
    "engine": {"callbacks", "data", "evaluation", "moved", "pretrained", "reports"},
    "moved": set(),
    "choices": set(),
    "names": set(),
}
SHARED_BY_METHODS = {"base", "schedules", "recognition", "restoration"}
TORCH_SIDE = {"torch", "torchvision", "torchmetrics", "timm", "kornia", "safetensors", "numpy"}
LAZY = {"wandb", "albumentations", "jinja2", "matplotlib", "pandas", "pyarrow"}
EVERYWHERE = {"choices", "names"}
MODULES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES = 300
# With what a public function's first sentence does not begin: it says what to do.
NO_VERB = re.compile(r"(An?|All|Any|Each|Every|How|Its?|No|One|Such|Th(at|e|ese|is)|Wh(at|en|ere|ether|ich|o))\b")


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
        assert rooms <= ALLOWED[own] | {own} | EVERYWHERE
    if own in {"degradations", "metrics", "models"}:
        outside = {name.split(".")[0] for name in imported} - set(sys.stdlib_module_names) - {"facequal"}
        assert outside <= TORCH_SIDE
    assert {name.split(".")[0] for name in imports(tree, top_level_only=True)}.isdisjoint(LAZY)


@pytest.mark.parametrize("path", sorted((PACKAGE / "methods").rglob("*/*.py")), ids=lambda path: path.stem)
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


def test_no_file_is_long() -> None:
    lines = {str(path.relative_to(PACKAGE)): len(path.read_text().splitlines()) for path in MODULES}
    assert {name: number for name, number in lines.items() if number > MOST_LINES} == {}


def test_every_module_has_its_tests() -> None:
    modules = [path.relative_to(PACKAGE) for path in MODULES if not path.stem.startswith("__")]
    missing = [str(path) for path in modules if not (TESTS / path.parent / f"test_{path.name}").is_file()]
    assert not missing, "no test file of their names: " + ", ".join(missing)


def test_no_test_imports_another() -> None:
    """What tests share lies in files of its own."""
    shared = {
        f"{path.relative_to(TESTS)}: {name}"
        for path in sorted(TESTS.rglob("*.py"))
        for name in imports(ast.parse(path.read_text()))
        if name.startswith("tests.") and any(part.startswith("test_") for part in name.split(".")[:-1])
    }
    assert not shared, "\n".join(sorted(shared))


Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def docstrings(path: Path) -> Iterator[tuple[str, Documented, str]]:
    """Place, node and text of every docstring of a module."""
    for node in ast.walk(ast.parse(path.read_text())):
        text = ast.get_docstring(node) if isinstance(node, Documented) else None
        if isinstance(node, Documented) and text is not None:
            line = getattr(node, "lineno", 1)
            yield f"{path.relative_to(PACKAGE)}:{line} {getattr(node, 'name', '')}", node, text


def is_property(node: ast.AST) -> bool:
    return any("property" in ast.unparse(decorator) for decorator in getattr(node, "decorator_list", []))


def test_docstrings_follow_the_convention() -> None:
    wrong: list[str] = []
    for path in MODULES:
        for place, node, text in docstrings(path):
            is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            if is_function and not is_property(node) and NO_VERB.match(text):
                wrong.append(f"{place}: begins with {text.split()[0]!r}, not with what it does")
            if re.search(r"``|:(func|class|meth|mod|attr|ref):`", text):
                wrong.append(f"{place}: single backticks enclose code, and there are no roles")
            raised = re.search(r"^Raises:\n((?: +.*\n?|\n)+)", text, re.MULTILINE)
            entries = re.findall(r"^ {4}(\w.*)$", raised[1], re.MULTILINE) if raised else []
            wrong += [f"{place}: {entry}" for entry in entries if not re.match(r"[\w.]+: If ", entry)]
    assert not wrong, "\n".join(wrong)
