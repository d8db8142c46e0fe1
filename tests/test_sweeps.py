"""Every sweep is one that W&B takes, its keys are the command line's, and its first point runs."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from facequal.cli.lightning import FaceQualCLI
from facequal.cli.study.runs import as_argument
from tests.test_experiments import ROOT, SWEEPS, holds


def first_point(sweep: dict[str, Any]) -> dict[str, Any]:
    return {key: part["values"][0] if "values" in part else part["value"] for key, part in sweep["parameters"].items()}


def arguments_of(sweep: dict[str, Any]) -> list[str]:
    """The command line of the first point, as W&B fills it in."""
    assert sweep["command"][0] == sweep["program"] == "facequal"
    assert sweep["command"][-1] == "${args}"
    return [*sweep["command"][1:-1], *(f"--{key}={as_argument(value)}" for key, value in first_point(sweep).items())]


def without_logger(arguments: list[str]) -> list[str]:
    return [argument for argument in arguments if not argument.startswith("--trainer.logger")]


@pytest.mark.parametrize("file", SWEEPS, ids=lambda file: file.stem)
def test_keys_are_known(
    file: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    sweep = yaml.safe_load(file.read_text())
    assert set(sweep) >= {"program", "command", "method", "metric", "parameters"}
    assert sweep["method"] in ("grid", "random", "bayes")
    assert sweep["metric"]["goal"] in ("maximize", "minimize")
    with pytest.raises(SystemExit) as stop:
        FaceQualCLI([*arguments_of(sweep), "--print_config"])
    assert stop.value.code in (0, None)
    printed = yaml.safe_load(capsys.readouterr().out)
    assert printed["trainer"]["logger"]["class_path"] == "lightning.pytorch.loggers.WandbLogger"
    for key, value in first_point(sweep).items():
        found: Any = printed
        for part in key.split("."):
            found = found[part]
        assert holds(found, value), key


@pytest.mark.slow
@pytest.mark.parametrize("file", SWEEPS, ids=lambda file: file.stem)
def test_the_first_point_runs(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    sweep = yaml.safe_load(file.read_text())
    tiny = ["-c", str(ROOT / "tests" / "conf" / "tiny_stages.yaml"), "--trainer.log_every_n_steps=2"]
    logger = ["--trainer.logger=lightning.pytorch.loggers.CSVLogger", f"--trainer.logger.save_dir={tmp_path}"]
    FaceQualCLI([*without_logger(arguments_of(sweep)), *tiny, *logger, f"--trainer.default_root_dir={tmp_path}"])
    (logged,) = tmp_path.rglob("metrics.csv")
    assert sweep["metric"]["name"] in logged.read_text().splitlines()[0].split(",")
