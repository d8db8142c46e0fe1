"""Every experiment runs one tiny step, and says what it is."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from facequal.cli.lightning import FaceQualCLI

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "experiments").rglob("*.yaml"))
PARTS = [file for file in FILES if file.parent.name == "data" or file.stem.startswith(("base", "recipe"))]
RUNNABLE = [file for file in FILES if file not in PARTS]


def name(file: Path) -> str:
    return str(file.relative_to(ROOT / "experiments"))


@pytest.mark.parametrize("file", RUNNABLE, ids=name)
def test_one_step(file: Path, tmp_path: Path) -> None:
    overlay = ["-c", str(ROOT / "tests" / "conf" / "tiny.yaml"), f"--trainer.default_root_dir={tmp_path}"]
    if "quality_scores" in file.read_text():
        np.save(tmp_path / "quality.npy", np.linspace(0, 1, 12))
        overlay.append(f"--data.quality_scores={tmp_path / 'quality.npy'}")
    run = FaceQualCLI(["fit", "-c", str(file), *overlay, f"--trainer.logger.init_args.save_dir={tmp_path}"])
    assert run.trainer.global_step == 1


@pytest.mark.parametrize("file", [file for file in PARTS if file.parent.name == "data"], ids=name)
def test_data_file_fits_a_recipe(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["fit", "-c", str(ROOT / "experiments" / "demo" / "adaface.yaml"), "-c", str(file), "--print_config"]
    with pytest.raises(SystemExit) as stop:
        FaceQualCLI(arguments)
    assert stop.value.code in (0, None)
    content = yaml.safe_load(file.read_text())["data"]
    printed = yaml.safe_load(capsys.readouterr().out)["data"]
    assert printed["test"][0]["class_path"] == content["test"][0]["class_path"]


@pytest.mark.parametrize("file", RUNNABLE, ids=name)
def test_header(file: Path) -> None:
    header = [line for line in file.read_text().splitlines() if line.startswith("#")]
    told = {line[1:].split(":")[0].strip() for line in header}
    assert {"command", "hardware", "time", "expected"} <= told
