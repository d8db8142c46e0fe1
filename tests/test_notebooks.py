"""The notebooks: what is committed belongs to the scripts, and (slow) they run from top to bottom."""

import importlib.util
import re
import time
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import pytest

from tests.experiments import ROOT

FOLDER = ROOT / "notebooks"
NAMES = ["cross_resolution", "feature_norms", "gst", "nas_search", "queue_and_partition"]
LARGEST_KIB, LONGEST_S = 500, 180


def module(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def test_all_of_them_are_tested() -> None:
    assert [path.stem for path in module("execute").sources()] == NAMES
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_what_is_committed_is_of_the_script(name: str) -> None:
    path = FOLDER / f"{name}.ipynb"
    notebook, script = nbformat.read(path, as_version=4), jupytext.read(FOLDER / f"{name}.py")
    assert [(cell.cell_type, cell.source) for cell in notebook.cells] == [
        (cell.cell_type, cell.source) for cell in script.cells
    ]
    assert path.stat().st_size < LARGEST_KIB * 1024
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))  # once, from top to bottom
    outputs = [output for cell in code for output in cell.outputs]
    assert {output.output_type for output in outputs} <= {"execute_result", "display_data", "stream"}
    assert any("image/png" in output.get("data", {}) for output in outputs)
    # Nothing of the machine, and no warnings.
    assert not [word for word in ("site-packages", "Warning", str(ROOT)) if word in path.read_text()]


@pytest.mark.parametrize("name", NAMES)
def test_the_command_is_named(name: str) -> None:
    text = (FOLDER / f"{name}.py").read_text()
    commands = re.findall(r"^# `(facequal study (\S+) .*|make (\S+))`$", text, flags=re.M)
    assert commands
    for _, file, target in commands:
        if file:
            assert (ROOT / file).is_file()
            assert f'"{file.removeprefix("experiments/")}"' in text + (FOLDER / "small_studies.py").read_text()
        else:
            assert f"\n{target}:" in (ROOT / "Makefile").read_text()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", NAMES)
def test_they_run_without_any_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEQUAL_NOTEBOOK_RUNS", str(tmp_path))
    started = time.monotonic()
    notebook = module("execute").execute(FOLDER / f"{name}.py")
    assert time.monotonic() - started < LONGEST_S
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert sum("image/png" in output.get("data", {}) for output in outputs) > 1


def test_a_small_study_that_fails_says_why(tmp_path: Path) -> None:
    studies = module("small_studies")
    studies.RUNS = tmp_path
    with pytest.raises(RuntimeError, match=r"no_such\.yaml --only a .*failed:\nfacequal study: there is no file"):
        studies.study_folder("nowhere", "no_such.yaml", "a")


def test_runs_on_disk_are_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    studies = module("small_studies")
    studies.RUNS = tmp_path
    report = tmp_path / "there" / "rows" / "a_b" / "seed_0" / "report"
    report.mkdir(parents=True)
    (report / "results.csv").touch()
    assert studies.study_folder("there", "any.yaml", "a b") == tmp_path / "there"
    assert capsys.readouterr().out == "shown: runs/there\n"
