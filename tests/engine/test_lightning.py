"""The command line, in process, on tiny faces and a tiny network."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import yaml

import facequal
from facequal.data.datamodule import FaceDataModule
from facequal.engine.lightning import FaceQualCLI
from facequal.methods.recognition.recognizer import Recognizer
from facequal.models.iresnet import IRTiny
from tests.engine.pretended import DEMO, TINY

# Lightning's words on what these tests do on purpose: runs in other folders than the checkpoint's, and twice in one.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The dirpath has changed"),
    pytest.mark.filterwarnings("ignore:.*callbacks used to create the checkpoint need to be provided"),
    pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty"),
    pytest.mark.filterwarnings("ignore:Experiment logs directory .* exists and is not empty"),
]


def cli(command: str, folder: Path, *arguments: str, config: Path = DEMO, tiny: Path = TINY) -> FaceQualCLI:
    place = [f"--trainer.default_root_dir={folder}", "--trainer.logger=lightning.pytorch.loggers.CSVLogger"]
    place += [f"--trainer.logger.save_dir={folder}", "--trainer.logger.name=", "--trainer.logger.version="]
    return FaceQualCLI([command, "-c", str(config), "-c", str(tiny), *place, *arguments])


def last_checkpoint(folder: Path) -> Path:
    return folder / "checkpoints" / "last.ckpt"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    cli("fit", folder)
    return folder


def test_fit_leaves_config_and_checkpoint(trained: Path) -> None:
    config = yaml.safe_load((trained / "config.yaml").read_text())
    assert config["inherit"] == []
    assert config["data"]["train"]["init_args"]["num_identities"] == 6
    content = torch.load(last_checkpoint(trained), weights_only=True)
    assert content["hyper_parameters"]["_class_path"] == "facequal.methods.Recognizer"
    assert content["hyper_parameters"]["num_classes"] == 6


def test_class_names_alone(tmp_path: Path, trained: Path) -> None:
    """A file of bare names is the experiment that full class paths make; in what is saved they are the public ones."""
    full = (trained / "config.yaml").read_text().replace(str(trained), str(tmp_path))
    names = yaml.safe_dump(with_bare_names(yaml.safe_load(full)))
    assert "class_path: facequal." not in names
    assert "class_path: ProceduralFaces" in names
    (tmp_path / "names.yaml").write_text(names)
    FaceQualCLI(["fit", "-c", str(tmp_path / "names.yaml")])
    assert (tmp_path / "config.yaml").read_text() == full
    assert yaml.safe_load(full)["data"]["train"]["class_path"] == "facequal.procedural.ProceduralFaces"


def with_bare_names(value: Any) -> Any:
    if isinstance(value, dict):
        bare = {"class_path": value["class_path"].rpartition(".")[2]} if "class_path" in value else {}
        return {key: with_bare_names(part) for key, part in value.items()} | bare
    return [with_bare_names(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("--data.predict", "FolderDataset"),
        ("--data.degradation", "Resolution"),
        ("--model.init_args.head", "CosFaceHead"),
        ("--model.init_args.backbone", "IResNet"),
        ("--model.init_args.schedule", "StepSchedule"),
        ("--model.init_args.optimizer", "AdamW"),
        ("--model", "QGFace"),
        ("--trainer.callbacks", "TrainingSamples"),
    ],
)
def test_class_names_on_the_command_line(option: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    needed = {"FolderDataset": "root=x", "Resolution": "sizes_px=[7]", "StepSchedule": "milestones=[1]"}
    argument = f"{option}.init_args.{needed[name]}" if name in needed else f"{option}={name}"
    with pytest.raises(SystemExit) as stop:
        FaceQualCLI(["fit", "-c", str(DEMO), f"{option}={name}", argument.replace("..", "."), "--print_config"])
    assert stop.value.code in (0, None)
    found = yaml.safe_load(capsys.readouterr().out)
    for part in option.removeprefix("--").split("."):
        found = found[part]
    found = found[0] if isinstance(found, list) else found
    assert found["class_path"].rpartition(".")[2] == name


def test_a_file_with_names_from_before_the_move(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "old.yaml").write_text("data: {predict: {class_path: facequal.data.datasets.FolderDataset}}")
    with pytest.raises(SystemExit) as stop:
        cli("fit", tmp_path, "-c", str(tmp_path / "old.yaml"))
    assert stop.value.code == 2
    moved = "facequal.data.datasets.FolderDataset is now FolderDataset (facequal.data.sources.datasets)"
    assert f"error: {tmp_path / 'old.yaml'}:\n  {moved}\n" in capsys.readouterr().err


def test_a_checkpoint_from_before_the_move(trained: Path, tmp_path: Path) -> None:
    content = torch.load(last_checkpoint(trained), weights_only=True)
    content["hyper_parameters"]["_class_path"] = "facequal.methods.recognizer.Recognizer"
    torch.save(content, tmp_path / "old.ckpt")
    cli("test", tmp_path, f"--ckpt_path={tmp_path / 'old.ckpt'}")
    assert (tmp_path / "report" / "results.csv").is_file()


def test_saved_config_stands_alone(trained: Path, tmp_path: Path) -> None:
    FaceQualCLI(["fit", "-c", str(trained / "config.yaml"), f"--trainer.logger.init_args.save_dir={tmp_path}"])
    assert last_checkpoint(tmp_path).is_file()


def test_second_run_in_the_same_folder(trained: Path) -> None:
    cli("fit", trained)


def test_load_module_builds_the_stored_class(trained: Path) -> None:
    module = facequal.load_module(last_checkpoint(trained))
    assert isinstance(module, Recognizer)
    assert module.head is not None
    state = torch.load(last_checkpoint(trained), weights_only=True)["state_dict"]
    assert torch.equal(module.head.weight, state["head.weight"])


def test_test_writes_the_report(trained: Path, tmp_path: Path) -> None:
    cli("test", tmp_path, f"--ckpt_path={last_checkpoint(trained)}")
    assert next(tmp_path.rglob("test_config.yaml")).is_file()
    results = pd.read_csv(tmp_path / "report" / "results.csv")
    assert set(results["protocol"]) == {"procedural/other-family", "procedural/mixed"}
    assert set(results["column"]) == {"7 px", "32 px"}
    assert set(results["condition"]) == {"cross-resolution", "same-resolution"}
    assert {"accuracy", "auc", "eer"} <= set(results["metric"])
    for name in ("report.md", "results.json", "roc.png", "pairs.png"):
        assert (tmp_path / "report" / name).stat().st_size > 100
    info = yaml.safe_load((tmp_path / "report" / "results.json").read_text())["run"]
    assert len(info["config_hash"]) == 12
    assert info["checkpoint"] == str(last_checkpoint(trained))


def test_command_line_wins_over_the_checkpoint(trained: Path, tmp_path: Path) -> None:
    run = cli("test", tmp_path, f"--ckpt_path={last_checkpoint(trained)}", "--model.init_args.flip_test=true")
    assert run.model.flip_test
    stored = torch.load(last_checkpoint(trained), weights_only=True)["hyper_parameters"]
    assert stored["flip_test"] is False


def test_checkpoint_of_another_class(trained: Path, tmp_path: Path) -> None:
    content = torch.load(last_checkpoint(trained), weights_only=True)
    content["hyper_parameters"]["_class_path"] = "facequal.methods.other.Other"
    torch.save(content, tmp_path / "other.ckpt")
    with pytest.raises(ValueError, match=r"other\.ckpt holds a facequal\.methods\.other\.Other"):
        cli("test", tmp_path, f"--ckpt_path={tmp_path / 'other.ckpt'}")


def test_evaluation_without_training_set_needs_no_head(trained: Path, tmp_path: Path) -> None:
    run = cli("test", tmp_path, f"--ckpt_path={last_checkpoint(trained)}", "--data.train=null")
    assert run.model.head is None
    with_head = cli("test", tmp_path / "head", f"--ckpt_path={last_checkpoint(trained)}")
    figures = [pd.read_csv(folder / "report" / "results.csv") for folder in (tmp_path, tmp_path / "head")]
    pd.testing.assert_frame_equal(*figures)
    assert with_head.model.head is not None


def test_validation_logs_held_out_identities(tmp_path: Path) -> None:
    held_out = [
        "--data.held_out.identities=3",
        "--data.held_out.pairs=20",
        "--data.train.init_args.images_per_identity=6",
    ]
    run = cli("fit", tmp_path, *held_out)
    assert run.model.head.num_classes == 3
    logged = pd.read_csv(tmp_path / "metrics.csv")
    assert logged["val/accuracy"].between(0, 1).any()
    assert "val/held-out/cross-resolution/7px/accuracy" in logged.columns
    assert {"train/loss_step", "train/loss"} & set(logged.columns)
    assert {"train/norm_mean", "train/norm_std", "train/margin_mean"} <= set(logged.columns)


def test_predict_writes_parquet(trained: Path, tmp_path: Path) -> None:
    predict = ["--data.predict=facequal.procedural.ProceduralFaces", "--data.predict.num_identities=3"]
    predict += ["--data.predict.images_per_identity=2", "--data.predict.size_px=32"]
    cli("predict", tmp_path, f"--ckpt_path={last_checkpoint(trained)}", *predict)
    assert next(tmp_path.rglob("predict_config.yaml")).is_file()
    table = pd.read_parquet(tmp_path / "embeddings.parquet")
    assert table["index"].tolist() == list(range(6))
    assert table["label"].tolist() == [0, 0, 1, 1, 2, 2]
    assert table["source"].str.contains("person").all()
    lengths = table["embedding"].map(lambda embedding: float((embedding**2).sum()))
    assert lengths.to_numpy() == pytest.approx(1.0, abs=1e-5)
    assert (table["norm"] > 0).all()


def test_resume_in_the_middle_of_an_epoch(tmp_path: Path) -> None:
    """Six steps in one go equal four steps, a stop, and two more: order, draws, optimizer, schedule and head."""
    augmented = ["--data.degradation=facequal.degradations.suites.AdaFaceAugmentation"]
    three_steps = ["--trainer.limit_train_batches=3", "--trainer.max_epochs=2", *augmented]
    save = ["--trainer.callbacks.init_args.every_n_train_steps=4", "--trainer.callbacks.init_args.save_top_k=-1"]
    whole = cli("fit", tmp_path / "whole", *three_steps, *save)
    (middle,) = (tmp_path / "whole" / "checkpoints").glob("*step=4.ckpt")
    resumed = cli("fit", tmp_path / "resumed", *three_steps, f"--ckpt_path={middle}")
    assert resumed.trainer.global_step == whole.trainer.global_step == 6
    correlations = pd.read_csv(tmp_path / "whole" / "metrics.csv")["train/norm_correlation/down_up_scale.applied"]
    assert correlations.dropna().between(-1, 1).any()
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


def test_seed_reaches_the_data(tmp_path: Path) -> None:
    runs: list[Any] = [cli("fit", tmp_path / str(seed), f"--seed_everything={seed}") for seed in (1, 2)]
    assert [run.datamodule.seed for run in runs] == [1, 2]
    assert isinstance(runs[0].datamodule, FaceDataModule)


def test_nothing_to_train_on(tmp_path: Path) -> None:
    with pytest.raises((ValueError, RuntimeError), match=r"data\.train"):
        cli("fit", tmp_path, "--data.train=null")


def test_printed_config_can_be_used_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli("fit", tmp_path, "--print_config")
    (tmp_path / "mine.yaml").write_text(capsys.readouterr().out)
    FaceQualCLI(["fit", "-c", str(tmp_path / "mine.yaml")])
    assert last_checkpoint(tmp_path).is_file()


def test_limited_batches_leave_the_figures_out(trained: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    checkpoint = f"--ckpt_path={last_checkpoint(trained)}"
    with caplog.at_level("INFO"):
        cli("test", tmp_path, checkpoint, "--trainer.limit_test_batches=1")
    assert "the evaluation is left out" in caplog.text


def test_checkpoint_does_not_need_the_weights_it_started_from(trained: Path, tmp_path: Path) -> None:
    start = tmp_path / "start.ckpt"
    start.write_bytes(last_checkpoint(trained).read_bytes())
    cli("fit", tmp_path, f"--model.init_args.weights={start}")
    start.unlink()
    assert isinstance(facequal.load_module(last_checkpoint(tmp_path)), Recognizer)
    gone = [f"--model.init_args.weights={start}", f"--ckpt_path={last_checkpoint(tmp_path)}"]
    cli("test", tmp_path / "test", *gone)


def test_checkpoint_does_not_need_the_weights_of_frozen_networks(tmp_path: Path) -> None:
    torch.save(IRTiny(input_size_px=32).state_dict(), tmp_path / "recogniser.pt")
    features = "--model.init_args.features.init_args"
    arguments = [f"{features}.weights={tmp_path / 'recogniser.pt'}", f"{features}.backbone.init_args.input_size_px=32"]
    classifier = {
        "config": DEMO.with_name("degradation_classifier.yaml"),
        "tiny": TINY.with_name("tiny_restoration.yaml"),
    }
    trained = cli("fit", tmp_path, *arguments, **classifier).model.state_dict()
    (tmp_path / "recogniser.pt").unlink()
    loaded = facequal.load_module(last_checkpoint(tmp_path)).state_dict()
    tested = cli("test", tmp_path / "test", *arguments, f"--ckpt_path={last_checkpoint(tmp_path)}", **classifier)
    for name, value in trained.items():
        assert torch.equal(loaded[name], value), name
        assert torch.equal(tested.model.state_dict()[name], value), name


def test_head_of_other_people_is_left_out_of_a_test(trained: Path, tmp_path: Path) -> None:
    run = cli("test", tmp_path, f"--ckpt_path={last_checkpoint(trained)}", "--data.train.num_identities=5")
    assert run.model.head.num_classes == 5


@pytest.mark.parametrize("command", ["test", "predict", "validate"])
def test_nothing_is_evaluated_as_it_was_initialised(command: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"facequal {command} needs --ckpt_path or --model.init_args.weights"):
        cli(command, tmp_path)


def test_nothing_is_downloaded(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing is downloaded"):
        cli("test", tmp_path, "--ckpt_path=https://example.org/model.ckpt")


def test_nothing_to_validate_on(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"data\.val is empty"):
        cli("validate", tmp_path, f"--ckpt_path={last_checkpoint(trained)}")


def test_search_and_norms_in_the_report(trained: Path, tmp_path: Path) -> None:
    faces = {"num_identities": 12, "images_per_identity": 3, "first_identity": 6, "size_px": 32, "num_pairs": 20}
    protocol = {
        "class_path": "facequal.data.protocols.verification.ProceduralPairs",
        "init_args": {**faces, "search": True},
    }
    options = [f"--data.test={json.dumps([protocol])}", "--evaluation.norms=true", "--evaluation.ranks=[1,12]"]
    cli("test", tmp_path, f"--ckpt_path={last_checkpoint(trained)}", *options)
    table = pd.read_csv(tmp_path / "report" / "results.csv")
    search = table[table["protocol"] == "procedural/search"]
    assert set(search["column"]) == {"7 px", "32 px"}
    assert (search["num"] == 24).all()
    assert (search.loc[search["metric"] == "rank-12", "value"] == 1).all()  # there are no more people
    own = search[(search["metric"] == "rank-1") & (search["column"] == "32 px")]["value"]
    assert own.between(1 / 24, 23 / 24).all()
    norms = table[table["condition"] == "norms"].set_index("column")
    assert norms.loc["7 px", "value"] != norms.loc["32 px", "value"]
    assert norms.loc["all px", "metric"] == "correlation"
    assert norms.loc["all px", "value"] * (norms.loc["32 px", "value"] - norms.loc["7 px", "value"]) > 0


def test_clean_resolution_must_be_there(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no clean view '32'"):
        cli("test", tmp_path, f"--ckpt_path={last_checkpoint(trained)}", "--data.resolutions_px=[7,14]")


@pytest.mark.slow
def test_a_whole_number_of_batches_stays_one(tmp_path: Path) -> None:
    # In a process of its own: it depends on who first asks typing for the union of the two, here rich.
    code = (
        "import sys, rich.console; from facequal.engine.lightning import FaceQualCLI;"
        "FaceQualCLI(['fit', '-c', sys.argv[1], '--trainer.limit_train_batches=1', '--print_config'])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(DEMO)], capture_output=True, text=True, timeout=120)
    assert yaml.safe_load(done.stdout)["trainer"]["limit_train_batches"] == 1, done.stderr
    assert "limit_train_batches: 1\n" in done.stdout
