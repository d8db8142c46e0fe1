"""Class paths of files and checkpoints that were written before classes moved."""

import importlib
import re
from pathlib import Path

import pytest
from jsonargparse import ArgumentParser

from facequal.cli import main
from facequal.data.datamodule import FaceDataModule
from facequal.moved import MOVED, MOVED_KEYS, REMOVED, present_path, refuse_moved_names, with_present_paths
from facequal.names import public_path

QUEUES = "facequal.methods.qgface.queues"
DEMO = Path(__file__).parents[1] / "experiments" / "demo" / "adaface.yaml"
# What experiments and checkpoints have named.
OLD = """
    facequal.data.datasets.FolderDataset
    facequal.data.datasets.ListDataset
    facequal.data.datasets.RecordDataset
    facequal.data.procedural.ProceduralFaces
    facequal.data.protocols.FolderPairs
    facequal.data.protocols.PairsBin
    facequal.data.protocols.PairsFile
    facequal.data.protocols.ProceduralPairs
    facequal.data.restoration.MixtureSet
    facequal.data.restoration.RestorationSet
    facequal.data.splits.SampledFaces
    facequal.frozen.RecognizerFeatures
    facequal.frozen.VGGFaceFeatures
    facequal.methods.degradation_classifier.DegradationClassifier
    facequal.methods.nasfe.NASFE
    facequal.methods.nasfe_search.NASFESearch
    facequal.methods.octuplet.Octuplet
    facequal.methods.qgface.QGFace
    facequal.methods.recognizer.Recognizer
    facequal.methods.restorer.Restorer
    facequal.methods.siamese.Siamese
    facequal.models.nasfe.network.NASFENetwork
    facequal.models.nasfe.network.SingleRestorer
    facequal.models.restorers.DnCNN
    facequal.models.restorers.UNet
"""
OLD_DEFAULTS = """
    facequal.methods.degradation_classifier.adam
    facequal.methods.nasfe_search.architecture_adam
    facequal.methods.octuplet.published_adagrad
    facequal.methods.qgface.published_sgd
    facequal.methods.recognizer.published_sgd
    facequal.methods.restorer.adam
"""


def found(path: str) -> object:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


@pytest.mark.parametrize("path", [*OLD.split(), *OLD_DEFAULTS.split()])
def test_old_path_leads_to_what_it_named(path: str) -> None:
    present = present_path(path)
    assert present != path
    assert present_path(present) == present
    assert path in OLD_DEFAULTS.split() or public_path(present) == present
    assert found(present).__name__ == present.rpartition(".")[2]  # type: ignore[attr-defined]


def is_there(path: str) -> bool:
    try:
        return callable(found(path))
    except (ModuleNotFoundError, AttributeError):
        return False


@pytest.mark.parametrize("line", (Path(__file__).parent / "old_names.txt").read_text().splitlines())
def test_all_names_of_before_are_there_moved_or_removed(line: str) -> None:
    """Each line names a module of before the moves and what it defined; parts with a dash had no name from outside."""
    module, _, names = line.partition(": ")
    for name in names.split():
        path = f"{module}.{name.removeprefix('-')}"
        is_accounted_for = is_there(path) or is_there(present_path(path)) or name in REMOVED
        assert is_accounted_for is not name.startswith("-"), path


@pytest.mark.parametrize(("old", "new"), MOVED.items())
def test_new_homes_exist(old: str, new: str) -> None:
    assert old.endswith(".") == new.endswith(".")
    try:
        importlib.import_module(new.removesuffix("."))
    except ModuleNotFoundError:
        assert callable(found(new)), old


@pytest.mark.parametrize(
    ("old", "words"),
    [
        ("facequal.degradations.random.Keys", "is now Keys (facequal.degradations.draws)"),
        ("facequal.losses.octuplet.OctupletLoss", "is now OctupletLoss (facequal.methods.octuplet.loss)"),
        ("facequal.models.queues.MomentumQueue", f"is now {QUEUES}.MomentumQueue"),
        ("facequal.models.queues.proxy.ProxyUpdatedQueue", f"is now {QUEUES}.proxy.ProxyUpdatedQueue"),
        ("facequal.models.nasfe.decoder.Decoder", "is now facequal.methods.nasfe.network.decoder.Decoder"),
        ("facequal.evaluation.report.RunInfo", "is now facequal.reports.info.RunInfo"),
        ("facequal.degradations.blur.GaussianBlur", "is no more; use KernelBlur, which convolves with"),
        ("facequal.degradations.GaussianBlur", "is no more; use KernelBlur, which convolves with"),
        ("facequal.models.iresnet.ir_50", "is no more; use IResNet with depth: 50"),
    ],
)
def test_what_is_said_of_an_old_path(old: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{old} {words}")):
        refuse_moved_names(["fit", f"--model.init_args.backbone={old}"])


def test_files_that_look_like_old_paths_are_none() -> None:
    for text in ("facequal.weights.pt", "runs/facequal.checkpoints.ckpt", "facequal.data.procedural.gone.Gone"):
        assert present_path(text) == text
        refuse_moved_names(["fit", f"--model.init_args.weights={text}"])


def test_other_texts_stay() -> None:
    values = {"a": ["facequal", "runs/facequal.data.datasets", ("x", 1, None)], "b": "torch.optim.SGD", "c": 0.5}
    assert with_present_paths(values) == values
    nested = {"a": [{"class_path": "facequal.models.restorers.UNet"}], "b": ("facequal.frozen.VGGFaceFeatures",)}
    now = {"a": [{"class_path": "facequal.methods.UNet"}], "b": ("facequal.pretrained.VGGFaceFeatures",)}
    assert with_present_paths(nested) == now


def test_a_file_is_told_all_new_names(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "# facequal.frozen.VGGFaceFeatures is in a comment only\n"
        "model: {class_path: facequal.methods.recognizer.Recognizer}\n"
        "data: {train: {class_path: facequal.data.datasets.FolderDataset}, val: [facequal.data.protocols.PairsBin]}\n"
    )
    with pytest.raises(ValueError, match="is now") as error:
        refuse_moved_names(["fit", "-c", str(file)])
    assert str(error.value).splitlines() == [
        f"{file}:",
        "  facequal.methods.recognizer.Recognizer is now Recognizer (facequal.methods.recognition.recognizer)",
        "  facequal.data.datasets.FolderDataset is now FolderDataset (facequal.data.sources.datasets)",
        "  facequal.data.protocols.PairsBin is now PairsBin (facequal.data.protocols.verification)",
    ]


def test_the_command_line_is_told_too() -> None:
    value = "--data.test=[{class_path: facequal.data.restoration.RestorationSet}]"
    with pytest.raises(ValueError, match=r"the command line:\n  facequal.data.restoration.RestorationSet is now Rest"):
        refuse_moved_names(["test", value])
    with pytest.raises(
        ValueError, match=r"facequal.methods.restorer.adam is now facequal.methods.restoration.base.nasfe_adam"
    ):
        refuse_moved_names(["fit", "--model.optimizer", "facequal.methods.restorer.adam"])
    refuse_moved_names(["fit", "-c", "gone.yaml", "--data.train=facequal.data.FolderDataset", "--model=QGFace"])


@pytest.mark.parametrize("old", MOVED_KEYS)
def test_new_keys_exist_and_old_ones_do_not(old: str) -> None:
    parser = ArgumentParser()
    parser.add_class_arguments(FaceDataModule, "data")
    defaults = parser.get_defaults()
    assert old not in defaults
    assert MOVED_KEYS[old] in defaults


@pytest.mark.parametrize("old", MOVED_KEYS)
@pytest.mark.parametrize("form", ["--{}=2", "--{} 2", "--{}+=2"])
def test_old_keys_on_the_command_line(old: str, form: str) -> None:
    with pytest.raises(ValueError, match=f"^the command line:\n  {old} is now {MOVED_KEYS[old]}$"):
        refuse_moved_names(["fit", "-c", str(DEMO), *form.format(old).split(" ")])


@pytest.mark.parametrize("command", ["fit", "run"])
def test_old_keys_in_a_file_and_in_one_that_it_inherits(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parent, child = tmp_path / "parent.yaml", tmp_path / "child.yaml"
    parent.write_text("data:\n  val_identities: 3\n")
    child.write_text("inherit: [parent.yaml]\n")
    for file in (parent, child):
        with pytest.raises(SystemExit) as stop:
            main([command, f"--config={file}"])
        assert stop.value.code == 2
        error = capsys.readouterr().err
        assert f"error: {parent}:\n  data.val_identities is now data.held_out.identities\n" in error
        assert error.startswith(f"usage: facequal {command} -c CONFIG")


@pytest.mark.parametrize("form", ["--data={}", "--data {}", "-c={}", "--config {}"])
def test_old_names_in_files_of_parts(form: str, tmp_path: Path) -> None:
    file = tmp_path / "part.yaml"
    part = "val_pairs: 3\ntrain: {class_path: facequal.frozen.FaceEmbedder}\n"
    file.write_text(part if "data" in form else f"data:\n  {part}".replace("\ntrain", "\n  train"))
    with pytest.raises(ValueError, match=r"part\.yaml:\n") as error:
        refuse_moved_names(["fit", *form.format(file).replace("-c=", "-c ").split(" ")])
    assert str(error.value).splitlines()[1:] == [
        "  data.val_pairs is now data.held_out.pairs",
        "  facequal.frozen.FaceEmbedder is now FaceEmbedder (facequal.pretrained.frozen)",
    ]


def test_files_of_parts_that_are_no_yaml_are_the_parsers_affair(tmp_path: Path) -> None:
    (tmp_path / "part.yaml").write_text("{")
    refuse_moved_names(["fit", f"--data={tmp_path / 'part.yaml'}"])


def test_other_keys_and_contents_are_left_alone(tmp_path: Path) -> None:
    for content in ("", "data: null", "data: {held_out: {identities: 3}}", "[data.val_pairs]", "val_pairs: 2"):
        (tmp_path / "a.yaml").write_text(content)
        refuse_moved_names(["fit", "-c", str(tmp_path / "a.yaml"), "--data.held_out.pairs=20", "--model.val_pairs=2"])
    refuse_moved_names(["fit", "-c", str(tmp_path / "absent.yaml")])  # a missing file is the parser's error
