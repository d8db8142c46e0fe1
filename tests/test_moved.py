"""Class paths of files and checkpoints that were written before classes moved."""

import importlib
from pathlib import Path

import pytest

from facequal.moved import MOVED, present_path, refuse_moved_names, with_present_paths
from facequal.names import public_path

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


@pytest.mark.parametrize(("old", "new"), MOVED.items())
def test_new_homes_exist(old: str, new: str) -> None:
    try:
        importlib.import_module(new)
    except ModuleNotFoundError:
        assert callable(found(new)), old


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
        ValueError, match=r"facequal.methods.restorer.adam is now facequal.methods.restoration.restorer"
    ):
        refuse_moved_names(["fit", "--model.optimizer", "facequal.methods.restorer.adam"])
    refuse_moved_names(["fit", "-c", "gone.yaml", "--data.train=facequal.data.FolderDataset", "--model=QGFace"])
