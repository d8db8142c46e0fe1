"""The method that CONTRIBUTING.md adds from nothing: its blocks are written to files and run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from facequal import load_module
from facequal.cli import main
from tests.experiments import EXPERIMENTS, ROOT

BLOCK = re.compile(r"^`(triplet/[\w.]+)`: .*?^```\w+\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder, from which the command is run, with the blocks as files."""
    for name, text in BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text()):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.replace("EXPERIMENTS", str(EXPERIMENTS)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)  # the module stays: jsonargparse asks for all subclasses that there are
    return tmp_path


def test_it_is_one_folder_of_few_lines(folder: Path) -> None:
    files = sorted(path.name for path in (folder / "triplet").iterdir())
    assert files == ["demo.yaml", "method.py", "test_method.py"]
    lines = [line for name in files for line in (folder / "triplet" / name).read_text().splitlines() if line.strip()]
    assert len(lines) <= 60


def test_its_test_passes(folder: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "triplet"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_it_trains_is_tested_and_loads(folder: Path) -> None:
    tiny = ["-c", str(ROOT / "tests" / "conf" / "tiny.yaml"), f"--trainer.default_root_dir={folder}"]
    tiny += [f"--trainer.logger.init_args.save_dir={folder}", "--trainer.logger.init_args.name=triplet"]
    main(["run", "-c", "triplet/demo.yaml", *tiny])
    (results,) = folder.glob("triplet/version_0/report/results.csv")
    assert "procedural/mixed,cross-resolution,7 px,accuracy," in results.read_text()
    method = load_module(folder / "triplet" / "version_0" / "checkpoints" / "last.ckpt", trust=["triplet"])
    assert type(method).__name__ == "Triplet"
    embedding, norm = method.eval()(torch.zeros(1, 3, 32, 32))
    assert (embedding.shape, norm.shape) == ((1, 128), (1, 1))
