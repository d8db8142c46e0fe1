"""What is read of runs, and what is said of what is missing."""

from pathlib import Path

import pytest
import yaml

from facequal.reports.notes import Notes
from facequal.reports.page.runs import read_config, read_runs
from tests.reports.page.made_runs import CONFIG, make_run, results, write_samples


def test_a_whole_run(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a", results([0.7, 0.9]), seed=3, hardware="a machine")
    write_samples(folder)
    notes = Notes()
    (run,) = read_runs([folder], notes)
    assert (run.name, run.path, list(run.seeds)) == ("a", folder, [""])
    assert len(run.first.results) == 4
    assert sorted(run.first.curves) == [("lfw", "cross-resolution", size) for size in ("112 px", "7 px")]
    assert (run.first.info["seed"], run.first.info["hardware"]) == (3, "a machine")
    assert run.first.config == CONFIG
    assert yaml.safe_load(run.first.config_text) == CONFIG
    assert run.samples is not None
    assert len(run.samples) == 120
    assert not len(notes)


def test_samples_are_those_of_the_first_seed_that_has_them(tmp_path: Path) -> None:
    for seed in range(3):
        make_run(tmp_path / "many" / f"seed_{seed}", results([0.7, 0.9]), seed=seed)
    write_samples(tmp_path / "many" / "seed_1", num_epochs=1)
    write_samples(tmp_path / "many" / "seed_2", num_epochs=3)
    (run,) = read_runs([tmp_path / "many"], Notes())
    assert list(run.seeds) == ["seed_0", "seed_1", "seed_2"]
    assert run.samples is not None
    assert run.samples["epoch"].max() == 0


def test_what_is_missing_is_noted(tmp_path: Path) -> None:
    for seed in range(2):
        make_run(tmp_path / "many" / f"seed_{seed}", results([0.7, 0.9]), seed=seed, left_out=["ijb_c"])
    (tmp_path / "many" / "seed_1" / "report" / "results.json").unlink()
    (tmp_path / "many" / "seed_1" / "config.yaml").unlink()
    (tmp_path / "many" / "seed_0" / "report" / "roc.npz").unlink()
    notes = Notes()
    read_runs([tmp_path / "many", tmp_path / "gone"], notes)
    assert list(notes)[:-1] == [
        "many: not tested, files missing: ijb_c",
        "many: no results.json in seed_1, so date, command and versions are unknown",
        "many: no roc.npz in seed_0, so no ROC curves",
        f"many: no config.yaml in {tmp_path / 'many' / 'seed_1'} (seed_1)",
    ]
    assert list(notes)[-1].startswith("gone: is left out: ")


def test_there_must_be_a_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no run can be read\n  gone: is left out: .*gone: no such file or folder"):
        read_runs([tmp_path / "gone"], Notes())


def test_configurations(tmp_path: Path) -> None:
    assert read_config(tmp_path) == ({}, "")
    (tmp_path / "test_config.yaml").write_text("a: 1  # of a test\n")
    assert read_config(tmp_path) == ({"a": 1}, "a: 1  # of a test\n")
    (tmp_path / "config.yaml").write_text("a: 2\n")
    assert read_config(tmp_path)[0] == {"a": 2}  # of the training
    (tmp_path / "config.yaml").write_text("- a\n")
    with pytest.raises(ValueError, match=r"config.yaml: must be a mapping, got \['a'\]"):
        read_config(tmp_path)
    (tmp_path / "config.yaml").write_text("a: [1\n")
    with pytest.raises(ValueError, match=r"config.yaml: is no YAML: "):
        read_config(tmp_path)
