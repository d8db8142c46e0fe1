from pathlib import Path

import pytest

from facequal.engine.yaml_files import read_mapping


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", r"f\.yaml: must be a mapping with the keys a, b, got \[1\]"),
        ("", r"must be a mapping with the keys a, b, got None"),
        ("a: {", r"f\.yaml: while parsing"),
        ("a: 1\nb: {c: 1, c: 2}", r"f\.yaml: line 2: 'c' is given twice"),
    ],
)
def test_what_is_no_mapping(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_mapping(tmp_path / "f.yaml", ("a", "b"))


def test_numbers_are_those_of_experiments(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text("{a: 5e-4, b: -.5E2, c: 1e, d: 1.5}")
    assert read_mapping(tmp_path / "f.yaml", ()) == {"a": 5e-4, "b": -50.0, "c": "1e", "d": 1.5}


def test_merged_keys_are_no_duplicates(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}")
    assert read_mapping(tmp_path / "f.yaml", ())["b"] == {"x": 1, "y": 3}
