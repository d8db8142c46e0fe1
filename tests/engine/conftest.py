from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from facequal.engine import jobs
from facequal.engine.plan import Run
from tests.engine.pretended import pretend
from tests.engine.sweep_files import GOOD


@pytest.fixture
def write_file(tmp_path: Path) -> Callable[..., Path]:
    """Write the file of a study, beside an experiment."""

    def write(**content: Any) -> Path:
        (tmp_path / "experiment.yaml").write_text("# expected: not run\ndata: {batch_size: 4}\n")
        path = tmp_path / "lrs.yaml"
        path.write_text(yaml.safe_dump({"config": "experiment.yaml"} | content, sort_keys=False))
        return path

    return write


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the runs that were done; they only pretend."""
    names: list[str] = []

    def remember(run: Run, as_worker: bool) -> None:
        names.append(run.name)
        pretend(run)

    monkeypatch.setattr(jobs, "train_and_test", remember)
    monkeypatch.setattr(jobs.gc, "collect", lambda: 0)  # there is nothing to collect, and much to look through
    return names


@pytest.fixture
def write_sweep(tmp_path: Path) -> Callable[..., Path]:
    """Write the file of a sweep, beside an experiment."""

    def write(**changes: Any) -> Path:
        path, config = tmp_path / "sweep.yaml", tmp_path / "a.yaml"
        config.write_text("# expected: not run\ndata: {batch_size: 4}\n")
        text = yaml.safe_dump({key: value for key, value in (GOOD | changes).items() if value is not ...})
        path.write_text(text.replace("a.yaml", str(config)))
        return path

    return write
