from collections.abc import Callable
from pathlib import Path

import pytest

from facequal.engine.study_file import read_study
from facequal.reports.study.summary import Column

GOOD = """
title: Margins
base: experiment.yaml
config: experiment.yaml
columns:
  - [set, cross-resolution, 7 px]
  - [set, cross-resolution, 7 px, eer]
rows:
  plain: {}
  hhh only: {model.init_args.terms: [hhh]}
  other: {config: folder/other.yaml, trainer.max_steps: 100}
grid:
  model.init_args.margin: [1, 2.5e+1]
  data.batch_size: [32, 64]
"""


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


def test_a_file_as_it_is_meant(write: Callable[[str], Path], tmp_path: Path) -> None:
    study = read_study(write(GOOD))
    assert study.title == "Margins"
    assert study.base == tmp_path / "experiment.yaml"
    assert study.columns == (
        Column("set", "cross-resolution", "7 px", "accuracy"),
        Column("set", "cross-resolution", "7 px", "eer"),
    )
    named = ["plain", "hhh only", "other"]
    products = [f"margin={margin}, batch_size={size}" for margin in ("1", "25.0") for size in (32, 64)]
    assert [row.name for row in study.rows] == named + products
    assert [row.name for row in study.grid_rows] == products
    assert study.rows[1].folder_name == "hhh_only"
    assert study.rows[3].folder_name == "margin=1_batch_size=32"
    assert study.rows[2].config == tmp_path / "folder" / "other.yaml"
    assert study.rows[2].overrides == {"trainer.max_steps": 100}
    assert study.rows[0].config == study.rows[3].config == tmp_path / "experiment.yaml"
    assert study.rows[6].overrides == {"model.init_args.margin": 25.0, "data.batch_size": 64}


def test_defaults(write: Callable[[str], Path]) -> None:
    study = read_study(write("config: experiment.yaml\nrows: {1: {}}"))
    assert (study.title, study.base, study.columns, study.grid_rows) == ("study", None, (), ())
    assert study.rows[0].name == "1"


def test_values_are_numbers_as_in_experiments(write: Callable[[str], Path]) -> None:
    text = "config: experiment.yaml\nrows: {a: {x: 5e-4, y: [1e3, -.5E2], z: 1e, w: 2024-01-01x}}"
    values = read_study(write(text)).rows[0].overrides
    assert values == {"x": 5e-4, "y": [1000.0, -50.0], "z": "1e", "w": "2024-01-01x"}


C = "config: experiment.yaml\n"
S = "stages: {s: {config: experiment.yaml}, t: {config: experiment.yaml}}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", r"study\.yaml: must be a mapping with the keys inherit, title, base"),
        ("", r"study\.yaml: must be a mapping"),
        ("rows: {", r"study\.yaml: while parsing"),
        (
            C + "row: {a: {}}",
            r"study\.yaml: unknown key row; there are inherit, title, base, stages, config, control, columns, rows",
        ),
        (C, "needs `rows`, `grid` or both"),
        (C + "rows: {}", "needs `rows`, `grid` or both"),
        (C + "rows: [a]", r"rows must be a mapping of names to overrides, got \['a'\]"),
        (C + "rows: {a: }", "rows: a must be a mapping of dotted keys to values, got None"),
        (C + "rows: {a: 3}", "rows: a must be a mapping of dotted keys to values, got 3"),
        (C + "rows:\n  a: {}\n  b: {}\n  a: {x: 1}", "line 5: 'a' is given twice"),
        (C + "grid: [1]", r"grid must be a mapping of dotted keys to lists of values, got \[1\]"),
        (C + "grid: {a: 3}", "grid: a must be a list of values, got 3"),
        (C + "grid: {a: []}", r"grid: a must be a list of values, got \[\]"),
        (C + "grid: {a: [1, 1]}", "rows 'a=1' and 'a=1' would share the folder a=1"),
        ("rows: {a: {}}", "row a: there is neither a `config` of the study nor one of the row"),
        ("config: gone.yaml\nrows: {a: {}}", r"study\.yaml: config is gone\.yaml, but there is no file .*gone\.yaml"),
        ("config: 3\nrows: {a: {}}", "config must be the path of an experiment, got 3"),
        (C + "base: gone.yaml\nrows: {a: {}}", r"study\.yaml: base is gone\.yaml, but there is no file"),
        (C + "rows: {a: {config: gone.yaml}}", r"row a: config is gone\.yaml, but there is no file"),
        (C + "rows: {a: {3: 1}}", r"row a: 3 is no dotted key such as data\.batch_size"),
        (C + "rows: {a: {--data.x: 1}}", r"row a: '--data\.x' is no dotted key"),
        (C + "rows: {a: {seed_everything: 1}}", "row a: seed_everything is set by the study itself"),
        (C + "rows: {a: {trainer.logger.name: x}}", r"row a: trainer\.logger\.name is set by the study itself"),
        (C + "base: experiment.yaml\nrows: {a: {model.init_args.weights: x}}", "weights is set by the study itself"),
        (C + "rows: {a b: {}, a/b: {}}", "rows 'a b' and 'a/b' would share the folder a_b"),
        (C + "rows: {A: {}, a: {}}", "rows 'A' and 'a' would share the folder a"),
        (C + "rows: {x=1: {}}\ngrid: {x: [1]}", "rows 'x=1' and 'x=1' would share the folder x=1"),
        (C + "rows: {base: {}}", "row 'base' is the name of the base"),
        (C + "rows: {..: {}}", r"row '\.\.' makes no folder name of 1 to 120 characters"),
        (C + f"rows: {{{'n' * 121}: {{}}}}", "makes no folder name of 1 to 120 characters"),
        (C + "columns: []\nrows: {a: {}}", r"columns must be a list of \[protocol, condition, column\]"),
        (C + "columns: [[a, b]]\nrows: {a: {}}", r"columns: expected .*, got \['a', 'b'\]"),
        (C + "columns: [[a, b, 7]]\nrows: {a: {}}", r"columns: expected .*, got \['a', 'b', 7\]"),
        (C + "columns: [abc]\nrows: {a: {}}", "columns: expected .*, got 'abc'"),
        (C + "control: b\nrows: {a: {}}", "control must be the name of a row, got 'b'"),
        (C + "columns: [[a, b, c], [a, b, c]]\nrows: {a: {}}", "columns: one appears twice"),
        (C + "stages: [a]\nrows: {a: {}}", r"stages must be a mapping of names to overrides, got \['a'\]"),
        (C + "stages: {s: {}}\nrows: {a: {}}", "stage s: there is no `config` of its own"),
        (C + "stages: {a: {config: experiment.yaml}}\nrows: {a: {}}", "'a' is the name of a row and of a stage"),
        (C + "rows: {a: {x: '${s}/y'}}", r"a: \${s} is no stage before it; there is none"),
        (C + S + "rows: {a: {x: ['${u}']}}", r"a: \${u} is no stage before it; there are s, t"),
        (
            C + S.replace("{s: {", "{s: {x: '${t}', ") + "rows: {a: {}}",
            r"s: \${t} is no stage before it; there is none",
        ),
    ],
)
def test_bad_files(text: str, message: str, write: Callable[[str], Path]) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        read_study(write(text))


def test_weights_are_free_without_a_base(write: Callable[[str], Path]) -> None:
    row = read_study(write(C + "rows: {a: {model.init_args.weights: released.ckpt}}")).rows[0]
    assert row.overrides == {"model.init_args.weights": "released.ckpt"}


def test_merged_rows_are_no_duplicates(write: Callable[[str], Path]) -> None:
    text = "config: experiment.yaml\nrows:\n  a: &a {x: 1, y: 2}\n  b: &b {<<: *a, y: 3}\n  c: {<<: *b, x: 4}\n"
    rows = read_study(write(text)).rows
    assert [dict(row.overrides) for row in rows] == [{"x": 1, "y": 2}, {"x": 1, "y": 3}, {"x": 4, "y": 3}]
