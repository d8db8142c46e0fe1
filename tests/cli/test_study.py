from pathlib import Path

import pytest

from facequal.cli import main
from facequal.engine.study_file import read_study
from facequal.engine.study_inheritance import KEYS


def test_wrong_arguments(tmp_path: Path) -> None:
    (tmp_path / "experiment.yaml").write_text("data: {batch_size: 4}")
    file = tmp_path / "lrs.yaml"
    file.write_text("config: experiment.yaml\nrows: {a: {}}")
    for options, message in (
        (["--jobs", "0"], "--jobs must be at least 1, got 0"),
        (["--seeds", "0"], "--seeds must be at least 1, got 0"),
        (["-c", "gone.yaml"], "there is no file gone.yaml"),
    ):
        with pytest.raises(SystemExit, match=message):
            main(["study", str(file), "--folder", str(tmp_path / "out"), *options])
    with pytest.raises(SystemExit, match=r"there is no file gone\.yaml"):
        main(["study", "gone.yaml"])


def test_help_has_an_example_that_is_a_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["study", "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    for key in KEYS:
        assert f"\n  {key} " in text
    for name in ("adaface", "octuplet", "octuplet_short"):
        (tmp_path / f"{name}.yaml").touch()
    file = tmp_path / "margins.yaml"
    file.write_text(text.split("\nExample:\n")[1])
    example = read_study(file)
    assert example.columns[1] == ("procedural/mixed", "cross-resolution", "7 px", "eer")
    assert [row.config.stem for row in example.rows] == ["octuplet", "octuplet", "octuplet_short", *["octuplet"] * 3]
    assert example.base == tmp_path / "adaface.yaml"
