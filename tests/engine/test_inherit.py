from pathlib import Path

import pytest

from facequal.engine.inherit import expand_inherited


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_parents_come_first(tmp_path: Path) -> None:
    write(tmp_path / "base.yaml", "a: 1")
    write(tmp_path / "data" / "set.yaml", "inherit: [../base.yaml]\nb: 1")
    child = write(tmp_path / "exp" / "child.yaml", "inherit: [../base.yaml, ../data/set.yaml]\nc: 1")
    expanded = expand_inherited(["fit", "-c", str(child), "--x", "1"])
    files = [Path(argument).name for argument in expanded if argument.endswith(".yaml")]
    assert files == ["base.yaml", "base.yaml", "set.yaml", "child.yaml"]
    assert expanded[0] == "fit"
    assert expanded[-2:] == ["--x", "1"]


@pytest.mark.parametrize("form", [["-c", "F"], ["--config", "F"], ["--config=F"]])
def test_forms_of_the_flag(tmp_path: Path, form: list[str]) -> None:
    write(tmp_path / "base.yaml", "a: 1")
    child = write(tmp_path / "child.yaml", "inherit: [base.yaml]")
    expanded = expand_inherited([argument.replace("F", str(child)) for argument in form])
    assert [Path(argument).name for argument in expanded[1::2]] == ["base.yaml", "child.yaml"]


def test_missing_parent_names_the_child(tmp_path: Path) -> None:
    child = write(tmp_path / "child.yaml", "inherit: [gone.yaml]")
    with pytest.raises(FileNotFoundError, match=r"child\.yaml: inherits gone\.yaml"):
        expand_inherited(["-c", str(child)])


def test_cycle(tmp_path: Path) -> None:
    child = write(tmp_path / "child.yaml", "inherit: [other.yaml]")
    write(tmp_path / "other.yaml", "inherit: [child.yaml]")
    with pytest.raises(ValueError, match="inherits itself"):
        expand_inherited(["-c", str(child)])


def test_inherit_must_be_a_list(tmp_path: Path) -> None:
    child = write(tmp_path / "child.yaml", "inherit: base.yaml")
    with pytest.raises(ValueError, match="must be a list of paths"):
        expand_inherited(["-c", str(child)])


def test_broken_yaml_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("a: [1, 2\n")
    with pytest.raises(ValueError, match=r"broken.yaml: is no YAML"):
        expand_inherited(["-c", str(tmp_path / "broken.yaml")])
