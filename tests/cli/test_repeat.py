from pathlib import Path

import pandas as pd
import pytest
import yaml

from facequal.cli import main
from facequal.engine.digest import experiment_digest

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "experiments" / "demo" / "adaface.yaml"


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    path = tmp_path / "tiny_experiment.yaml"
    path.write_text(yaml.safe_dump({"inherit": [str(DEMO), str(ROOT / "tests" / "conf" / "tiny.yaml")]}))
    return path


def test_seeds_are_run_once_and_summarised(
    experiment: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "out"
    main(["repeat", str(experiment), "--seeds", "2", "--folder", str(folder)])
    per_seed = [pd.read_csv(folder / f"seed_{seed}" / "report" / "results.csv") for seed in (0, 1)]
    assert [set(results["seed"]) for results in per_seed] == [{0}, {1}]
    summary = pd.read_csv(folder / "summary.csv")
    row = summary[(summary["metric"] == "auc") & (summary["column"] == "7 px")].iloc[0]
    same = ["protocol", "condition", "column", "metric"]
    values = [results.loc[(results[same] == row[same]).all(axis=1), "value"].item() for results in per_seed]
    assert row["mean"] == pytest.approx(sum(values) / 2)
    assert row["num_runs"] == 2
    assert values[0] != values[1]

    capsys.readouterr()
    written = (folder / "seed_1" / "report" / "results.csv").stat().st_mtime_ns
    main(["repeat", str(experiment), "--seeds", "2", "--folder", str(folder)])
    assert (folder / "seed_1" / "report" / "results.csv").stat().st_mtime_ns == written
    assert "seed 0:" in capsys.readouterr().out

    with pytest.raises(SystemExit, match="holds results of other settings"):
        main(["repeat", str(experiment), "--seeds", "2", "--folder", str(folder), "--data.batch_size=6"])


@pytest.mark.slow  # seeds are the data module's and the trainer's, which have tests of their own
def test_same_seed_same_figures(experiment: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        main(["repeat", str(experiment), "--seeds", "1", "--first-seed", "5", "--folder", str(tmp_path / name)])
    first, second = (pd.read_csv(tmp_path / name / "seed_5" / "report" / "results.csv") for name in ("one", "two"))
    pd.testing.assert_frame_equal(first, second, check_exact=True)


def test_wrong_arguments(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="there is no file"):
        main(["repeat", str(tmp_path / "gone.yaml")])
    with pytest.raises(SystemExit, match="--seeds must be at least 1"):
        main(["repeat", str(DEMO), "--seeds", "0"])


def test_fresh_removes_only_what_it_made(experiment: Path, tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("")
    with pytest.raises(SystemExit, match="was not made by this command"):
        main(["repeat", str(experiment), "--folder", str(tmp_path), "--fresh"])
    assert (tmp_path / "precious.txt").is_file()


def test_missing_test_set_is_found_before_the_training(experiment: Path, tmp_path: Path) -> None:
    gone = ["--data.test=[{class_path: facequal.data.protocols.verification.PairsBin, init_args: {path: gone.bin}}]"]
    with pytest.raises(ValueError, match=r"gone\.bin: no such file"):
        main(["run", "-c", str(experiment), f"--trainer.logger.init_args.save_dir={tmp_path}", *gone])
    assert not list(tmp_path.rglob("*.ckpt"))


def test_unknown_command() -> None:
    with pytest.raises(SystemExit, match="there is no command 'train'"):
        main(["train"])


def test_digest_sees_files_on_the_command_line(tmp_path: Path) -> None:
    weights = tmp_path / "base.ckpt"
    arguments = [f"--model.init_args.weights={weights}", "--data.batch_size=4", f"--text={'x' * 5000}"]
    digests = []
    for content in (b"one", b"two", b"one"):
        weights.write_bytes(content)
        digests.append(experiment_digest(arguments))
    assert digests[0] == digests[2] != digests[1]
