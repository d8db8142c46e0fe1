"""What the command line says of a name that no class has, or that two have."""

import re
from pathlib import Path

import pytest

from facequal.engine.lightning import FaceQualCLI
from facequal.engine.parser import can_be_built, with_class_names
from facequal.names import import_classes

DEMO = Path(__file__).parents[2] / "experiments" / "demo" / "adaface.yaml"


def error_of(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    with pytest.raises(SystemExit) as stop:
        FaceQualCLI(["fit", "-c", str(DEMO), *options, "--print_config"])
    assert stop.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "wrong", "meant", "listed"),
    [
        ("--data.predict", "FolderDatase", "FolderDataset", "facequal.data: FaceDataset, FolderDataset, ImageFolder"),
        ("--data.test+", "pairbin", "PairsBin", "facequal.data: FolderPairs, HeldOutPairs, MixtureSet, PairsBin"),
        ("--data.test+", "LWF", "", "facequal.data: FolderPairs, HeldOutPairs, MixtureSet, PairsBin"),
        ("--model", "Recogniser", "Recognizer", "facequal.methods: DegradationClassifier, "),
        ("--model.init_args.head", "AdaFace", "AdaFaceHead", "facequal.models.heads: AdaFaceHead, ArcFaceHead"),
        ("--model.init_args.backbone", "IResNt", "IResNet", "facequal.models: IRTiny, IResNet"),
        ("--model.init_args.optimizer", "AdmW", "AdamW", ""),
        (
            "--model.init_args.schedule.class_path",
            "CosinSchedule",
            "CosineSchedule",
            "facequal.methods: CosineSchedule, StepSchedule",
        ),
        ("--data.degradation", "Recognizer", "", "facequal.degradations: AdaFaceAugmentation, Compose, DownUpScale, "),
        ("--trainer.callbacks+", "ModelCheckpont", "ModelCheckpoint", "facequal.callbacks: EmbeddingWriter, "),
    ],
)
def test_a_name_that_no_class_has(
    option: str, wrong: str, meant: str, listed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    error = error_of(capsys, f"{option}={wrong}")
    words = f"There is no class {wrong!r} of the kind asked for."
    assert (f"{words} Did you mean {meant}?" if meant else words) in error  # other tests have classes of their own
    assert error.count("There is no class") == 1
    packages = [line.strip() for line in error.partition("There is no class")[2].splitlines() if line.startswith("  ")]
    assert packages[0].startswith(listed) if listed else not packages
    assert not re.search(r"\b(Keys|LoadReport|RecognitionSettings|OctupletLoss)\b", error)


def test_without_a_kind_records_and_settings_are_left_out() -> None:
    text = with_class_names("Expected a dot import path string: LoadReprt")
    assert "facequal.models: IRTiny, IResNet" in text
    assert not re.search(r"\b(Keys|LoadReport|RecognitionSettings)\b", text)


def test_a_name_that_two_classes_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("first_twin", "second_twin"):
        (tmp_path / f"{name}.py").write_text("from facequal.degradations import JPEG\nclass Twin(JPEG):\n    pass\n")
        __import__(name)
    error = error_of(capsys, "--data.degradation=Twin")
    assert "Multiple subclasses with name Twin" in error
    assert "first_twin.Twin, second_twin.Twin" in error


@pytest.mark.parametrize(
    ("options", "underscores"),
    [
        (["--data.batch-size=8"], "data.batch_size"),
        (["--data.held-out.num-pairs", "8"], "data.held_out.num_pairs"),
        (["--model.init_args.flip-test=true"], "flip_test"),
        (["--data.batchsize=8"], None),
    ],
)
def test_an_unknown_option(options: list[str], underscores: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    error = error_of(capsys, *options)
    assert error.startswith(
        "usage: facequal fit -c CONFIG [--OPTION VALUE ...]\n"
        "tip: For details of accepted options run: facequal fit --help\nerror: "
    )
    hint = f"\nOptions have underscores: {underscores}\n"
    assert error.endswith(hint) if underscores else "underscores" not in error


def test_other_errors_stay_as_they_are() -> None:
    assert (
        with_class_names("the following arguments are required: root") == "the following arguments are required: root"
    )


@pytest.mark.parametrize(
    ("name", "package", "is_one"),
    [
        ("Resolution", "degradations", True),
        ("Degradation", "degradations", False),
        ("HeadOutput", "models.heads", False),
        ("DataError", "data", False),
        ("Impostors", "procedural", False),
    ],
)
def test_what_can_be_built(name: str, package: str, is_one: bool) -> None:
    import_classes()
    assert can_be_built(name, f"facequal.{package}") is is_one
