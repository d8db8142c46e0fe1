"""What a run depends on, and its command line."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from facequal.engine.plan import last_checkpoint, plan_runs
from facequal.engine.study_file import read_study
from tests.engine.pretended import STAGES, TINY, study


def test_a_row_depends_on_its_base(write_file: Callable[..., Path], tmp_path: Path) -> None:
    file = write_file(base="other.yaml", rows={"a": {}})

    def digests(content: str) -> list[str]:
        (tmp_path / "other.yaml").write_text(content)
        return [run.digest for run in plan_runs(read_study(file), tmp_path, [0], [])]

    before, after = digests("data: {batch_size: 4}"), digests("data: {batch_size: 8}")
    assert not set(before) & set(after)
    assert before == digests("# a comment\ndata: {batch_size: 4}")


def test_a_row_wins_over_further_options_and_the_study_over_both(write_file: Callable[..., Path]) -> None:
    file = write_file(rows={"a": {"data.batch_size": 8}, "b": {"config": "lrs.yaml"}})
    options = ["-c", str(TINY), "--data.batch_size=6", "--seed_everything=9"]
    first, second = plan_runs(read_study(file), file.parent / "out", [3], options)
    line = first.command_line()
    assert line[:6] == ["-c", str(file.parent / "experiment.yaml"), *options]
    assert line[6] == "--data.batch_size=8"
    assert line.index("--seed_everything=3") > 6
    assert f"--trainer.logger.save_dir={first.folder}" in line[7:]
    assert second.command_line()[1] == str(file)


def test_old_names_are_found_before_anything_runs(write_file: Callable[..., Path], done: list[str]) -> None:
    folder = study(write_file(rows={"a": {}}))
    rows: dict[str, Any] = {"a": {}, "b": {"model.x": ["facequal.frozen.FaceEmbedder"]}}
    with pytest.raises(SystemExit, match=r"facequal study: b: the command line:\n  .* is now FaceEmbedder \(facequal"):
        study(write_file(rows=rows), "--fresh")
    file = write_file(rows={"a": {}})
    file.with_name("experiment.yaml").write_text("data: {val_pairs: 3}")
    with pytest.raises(SystemExit, match=r"a: .*experiment\.yaml:\n  data\.val_pairs is now data\.held_out\.pairs"):
        study(file, "--fresh")
    assert done == ["a, seed 0"]
    assert (folder / "rows" / "a" / "seed_0" / "report").is_dir()


def test_names_of_stages_may_have_any_letters(write_file: Callable[..., Path], done: list[str]) -> None:
    stages = {"größe": {"config": "experiment.yaml"}}
    file = write_file(stages=stages, rows={"a": {"model.from": {"x": ["${größe}"]}}})
    folder = study(file)
    run = plan_runs(read_study(file), folder, [0], [])[-1]
    (value,) = (argument for argument in run.command_line() if argument.startswith("--model.from"))
    assert json.loads(value.partition("=")[2]) == {"x": [str(folder / "stages" / "größe" / "seed_0")]}
    with pytest.raises(
        SystemExit, match=r"--model.x=\${größe}: stages are named in .*lrs\.yaml, not in further options"
    ):
        study(file, "--model.x=${größe}")


def test_a_row_depends_on_all_stages_before_it(write_file: Callable[..., Path], tmp_path: Path) -> None:
    rows: dict[str, Any] = {"a": {}, "b": {"model.from": "${second}"}}

    def digests(**changed: Any) -> dict[str, str]:
        stages = {name: stage | changed.get(name, {}) for name, stage in STAGES.items()}
        file = write_file(stages=stages, rows=rows)
        return {run.row: run.digest for run in plan_runs(read_study(file), tmp_path, [0], [])}

    def changed_by(**changed: Any) -> set[str]:
        before, after = digests(), digests(**changed)
        return {name for name in before if before[name] != after[name]}

    assert changed_by() == set()
    assert changed_by(first={"x": 1}) == {"first", "second", "b"}
    assert changed_by(second={"x": 1}) == {"second", "b"}
    assert changed_by(other={"x": 1}) == {"other"}


def test_the_newest_of_several_last_checkpoints(tmp_path: Path) -> None:
    for name, time in (("last-v1.ckpt", 20), ("last.ckpt", 10), ("epoch=1.ckpt", 30)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time, time))
    assert last_checkpoint(tmp_path) == tmp_path / "last-v1.ckpt"
