from collections.abc import Callable
from pathlib import Path

import pytest

from facequal.engine.study_file import read_study


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    (tmp_path / "folder").mkdir()
    for name in ("experiment.yaml", "folder/other.yaml"):
        (tmp_path / name).write_text("")

    def write(text: str) -> Path:
        path = tmp_path / "study.yaml"
        path.write_text(text)
        return path

    return write


def test_a_study_is_laid_over_another(write: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "folder" / "parent.yaml").write_text(
        "title: Parent\nconfig: ../experiment.yaml\nstages: {s: {config: other.yaml, x: 1}}\n"
        "rows: {a: {x: 1, y: 2}, b: {config: other.yaml, z: '${s}'}}\n"
    )
    text = "inherit: [folder/parent.yaml]\ntitle: Child\nstages: {s: {x: 2}, t: {config: experiment.yaml}}\n"
    study = read_study(write(text + "rows: {a: {y: 3}, c: {z: '${t}'}}"))
    assert study.title == "Child"
    assert [(row.name, dict(row.overrides)) for row in study.stages] == [("s", {"x": 2}), ("t", {})]
    assert [row.name for row in study.rows] == ["a", "b", "c"]
    assert [dict(row.overrides) for row in study.rows] == [{"x": 1, "y": 3}, {"z": "${s}"}, {"z": "${t}"}]
    assert [row.config.resolve().relative_to(tmp_path) for row in (*study.stages, *study.rows)] == [
        *(Path("folder/other.yaml"), Path("experiment.yaml")),
        *(Path("experiment.yaml"), Path("folder/other.yaml"), Path("experiment.yaml")),
    ]


def test_a_study_that_inherits_itself(write: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("inherit: [study.yaml]")
    with pytest.raises(ValueError, match=r"study\.yaml: inherits itself"):
        read_study(write("inherit: [other.yaml]"))
    with pytest.raises(FileNotFoundError, match=r"study\.yaml: inherit is gone\.yaml, but there is no file"):
        read_study(write("inherit: [gone.yaml]"))
    with pytest.raises(ValueError, match=r"study\.yaml: inherit must be a list of studies, got 'other\.yaml'"):
        read_study(write("inherit: other.yaml"))


def test_mistakes_are_those_of_the_file_that_makes_them(write: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "folder" / "parent.yaml").write_text("rows: {a: {config: gone.yaml}}")
    with pytest.raises(FileNotFoundError, match=r"parent\.yaml: row a: config is gone\.yaml, but there is no file"):
        read_study(write("inherit: [folder/parent.yaml]"))
