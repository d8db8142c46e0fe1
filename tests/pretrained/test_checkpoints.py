"""Checkpoints as they are, of classes that have moved, of classes of the user's own, and of classes that do harm."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import facequal
from facequal.engine.lightning import FaceQualCLI
from facequal.methods.recognition.recognizer import Recognizer
from facequal.pretrained.checkpoints import load_module, without_weight_files
from tests.own_classes import write_module

CONF = Path(__file__).parents[1] / "conf"
DEMO = Path(__file__).parents[2] / "experiments" / "demo"
OLD_PATHS = {
    "facequal.methods.Recognizer": "facequal.methods.recognizer.Recognizer",
    "facequal.methods.CosineSchedule": "facequal.methods.schedules.CosineSchedule",
    "facequal.models.IRTiny": "facequal.models.iresnet.IRTiny",
    "facequal.models.heads.AdaFaceHead": "facequal.models.heads.adaface.AdaFaceHead",
}

OWN = """
model:
  class_path: own_faces.OwnMethod
  init_args:
    head: {class_path: own_faces.OwnHead, init_args: {m: 0.2}}
    optimizer: own_faces.own_sgd
data:
  degradation: {class_path: own_faces.OwnDegradation, init_args: {sizes_px: [7]}}
"""


def trained(folder: Path, *options: str) -> Path:
    """The checkpoint of one step on tiny faces."""
    logger = ["--trainer.logger=CSVLogger", f"--trainer.logger.save_dir={folder}"]
    place = [f"--trainer.default_root_dir={folder}", *logger, "--trainer.logger.name=", "--trainer.logger.version="]
    FaceQualCLI(["fit", "-c", str(DEMO / "adaface.yaml"), "-c", str(CONF / "tiny.yaml"), *place, *options])
    return folder / "checkpoints" / "last.ckpt"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("trained"))


def changed(checkpoint: Path, folder: Path, **changes: Any) -> Path:
    """A checkpoint with other hyper-parameters."""
    content = torch.load(checkpoint, weights_only=True)
    content["hyper_parameters"] |= changes
    torch.save(content, folder / "changed.ckpt")
    return folder / "changed.ckpt"


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no checkpoint"):
        load_module(tmp_path / "gone.ckpt")


def test_no_class(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"changed\.ckpt: names no class; load it by Class\.load_from_checkpoint"):
        load_module(changed(checkpoint, tmp_path, _class_path=None))


def test_arguments_that_the_method_does_not_take_any_more(checkpoint: Path, tmp_path: Path) -> None:
    loaded = load_module(changed(checkpoint, tmp_path, one_of_before=3))
    assert loaded.hparams.keys() == load_module(checkpoint).hparams.keys()


def test_a_class_that_is_no_method(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"changed\.ckpt: names the class 'facequal.models.IRTiny', which is no method"
    ):
        load_module(changed(checkpoint, tmp_path, _class_path="facequal.models.IRTiny"))


@pytest.mark.parametrize(
    "path", ["facequal.methods.Recogniser", "facequal.gone.Recognizer", "facequal.cli.main", "facequal.__main__.main"]
)
def test_no_public_class(checkpoint: Path, tmp_path: Path, path: str) -> None:
    with pytest.raises(ValueError, match=rf"changed\.ckpt: names the class {path}, which is not trusted"):
        load_module(changed(checkpoint, tmp_path, _class_path=path))


@pytest.mark.parametrize("key", ["hparams", "module_arguments"])
def test_arguments_where_lightning_once_kept_them(checkpoint: Path, tmp_path: Path, key: str) -> None:
    content = torch.load(checkpoint, weights_only=True)
    torch.save({**content, key: {"head": POPEN}}, tmp_path / "old.ckpt")
    with pytest.raises(ValueError, match=rf"old\.ckpt: holds '{key}', which no run of the command line writes"):
        load_module(tmp_path / "old.ckpt")


def test_a_stored_class_is_the_public_one(checkpoint: Path) -> None:
    stored = torch.load(checkpoint, weights_only=True)["hyper_parameters"]
    assert {stored["_class_path"], *(stored[part]["class_path"] for part in ("backbone", "head", "schedule"))} == {
        *OLD_PATHS
    }


def test_class_paths_from_before_the_move(checkpoint: Path, tmp_path: Path) -> None:
    def before(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: before(part) for key, part in value.items()}
        return OLD_PATHS.get(value, value) if isinstance(value, str) else value

    stored = before(torch.load(checkpoint, weights_only=True)["hyper_parameters"])
    assert stored["_class_path"] == "facequal.methods.recognizer.Recognizer"
    loaded = load_module(changed(checkpoint, tmp_path, **stored))
    assert type(loaded) is Recognizer
    for name, value in load_module(checkpoint).state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The checkpoint of a run whose method, head, degradation and optimizer are in a module of the user's own."""
    folder = tmp_path_factory.mktemp("own")
    write_module(folder, "own_faces")
    config = folder / "own.yaml"
    config.write_text(OWN)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield trained(folder / "run", "-c", str(config))
        sys.modules.pop("own_faces", None)


def test_a_class_of_the_users_own_is_refused_unless_it_is_known(users: Path) -> None:
    sys.modules.pop("own_faces", None)
    with pytest.raises(
        ValueError, match=r"last\.ckpt: names the class own_faces\.OwnMethod, which is not trusted"
    ) as error:
        load_module(users)
    assert "trust=['own_faces'] in Python, --trust own_faces on the command line" in str(error.value)
    assert "own_faces" not in sys.modules


def test_a_class_of_the_users_own_that_is_imported(users: Path) -> None:
    own: Any = importlib.import_module("own_faces")
    loaded = load_module(users)
    assert isinstance(loaded, own.OwnMethod)
    assert isinstance(loaded.head, own.OwnHead)
    assert loaded.head.m == 0.2
    assert loaded.optimizer_factory is own.own_sgd


def test_a_class_of_the_users_own_that_is_named(users: Path) -> None:
    sys.modules.pop("own_faces", None)
    loaded = facequal.load_module(users, trust=["own_faces"])
    assert type(loaded).__name__ == "OwnMethod"
    assert type(loaded.head).__module__ == "own_faces"


@pytest.mark.filterwarnings("ignore:The dirpath has changed")
def test_the_command_line_goes_on_with_it(users: Path, tmp_path: Path) -> None:
    trained(tmp_path, "-c", str(users.parents[2] / "own.yaml"), f"--ckpt_path={users}", "--trainer.max_epochs=2")


POPEN = {"class_path": "subprocess.Popen", "init_args": {"args": ["touch", "MARK"]}}
HANDLER = {"class_path": "logging.FileHandler", "init_args": {"filename": "MARK"}}
IMPORTED = {"class_path": "harmful_import.Thing"}
# What this package does elsewhere, and what is below a class that may be built.
WRITE = {"class_path": "facequal.reports.results.write_atomically", "init_args": {"path": "MARK", "content": "x"}}
COMMAND = {"class_path": "facequal.cli.main", "init_args": {"arguments": ["degrade", "--gallery", "MARK"]}}
REMOVE = {"class_path": "facequal.engine.resume.remove_runs", "init_args": {"folders": ["MARK"]}}
UNPICKLE = {"class_path": "facequal.methods.Recognizer.load_from_checkpoint", "init_args": {"checkpoint_path": "MARK"}}
GADGETS = {
    "method": {"_class_path": "subprocess.Popen"},
    "head": {"head": POPEN},
    "schedule": {"schedule": HANDLER},
    "schedule of an import": {"schedule": IMPORTED},
    "nested": {"backbone": {"class_path": "facequal.models.IRTiny", "init_args": {"dropout": POPEN}}},
    "untyped": {
        "backbone": {
            "class_path": "facequal.models.TimmBackbone",
            "init_args": {"name": "resnet10t", "size_px": 32, "timm_kwargs": {"a": [{"b": HANDLER}]}},
        }
    },
    "list": {"ramp": [{"x": [IMPORTED]}]},
    "unknown argument": {"unknown": {"deep": [POPEN]}},
    "dict_kwargs": {"head": {"class_path": "facequal.models.heads.AdaFaceHead", "dict_kwargs": {"x": POPEN}}},
    "function": {"optimizer": "subprocess.Popen"},
    "function of an import": {"optimizer": "harmful_import.function"},
    "class as a text": {"schedule": "harmful_import.Thing"},
    "head as a text": {"head": "harmful_import.Thing"},
    "our function": {"optimizer": WRITE},
    "our function as a head": {"head": WRITE},
    "our command": {"optimizer": COMMAND},
    "our removal": {"backbone": {"class_path": "facequal.models.IRTiny", "init_args": {"dropout": REMOVE}}},
    "our class method": {"optimizer": UNPICKLE},
    "our class method as a text": {"optimizer": "facequal.methods.Recognizer.load_from_checkpoint"},
    "our class that writes": {"head": {"class_path": "facequal.callbacks.EmbeddingWriter"}},
    "torch's function": {"optimizer": "torch.nn.init.trunc_normal_"},
    "a bare name": {"head": {"class_path": "Popen", "init_args": {"args": ["touch", "MARK"]}}},
    "passed on": {"optimizer": "facequal.names.importlib.import_module"},
    "passed on by a class path": {"schedule": {"class_path": "facequal.names.importlib.import_module"}},
    "passed on by the user": {"schedule": {"class_path": "own_faces.Popen", "init_args": {"args": ["touch", "MARK"]}}},
}


def with_mark(value: Any, mark: Path) -> Any:
    if isinstance(value, dict):
        return {key: with_mark(part, mark) for key, part in value.items()}
    if isinstance(value, list):
        return [with_mark(part, mark) for part in value]
    return str(mark) if value == "MARK" else value


@pytest.mark.parametrize("changes", GADGETS.values(), ids=GADGETS)
def test_what_does_harm_is_refused_before_it_is_imported(
    changes: dict[str, Any], checkpoint: Path, users: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    importlib.import_module("own_faces")
    mark = tmp_path / "mark"
    (tmp_path / "harmful_import.py").write_text(f"open({str(mark)!r}, 'w')\nclass Thing: ...\ndef function(): ...\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    file = changed(checkpoint, tmp_path, **with_mark(changes, mark))
    with pytest.raises(ValueError, match=r"changed\.ckpt: names the class .*is not trusted\. If it is yours") as error:
        load_module(file)
    named = str(error.value).partition("names the class ")[2].partition(",")[0]
    assert named in str(changes)
    assert not mark.exists()
    assert "harmful_import" not in sys.modules


def test_what_looks_like_a_class_is_built_nowhere_else(checkpoint: Path, tmp_path: Path) -> None:
    layer = {"class_path": "torch.nn.Identity"}
    arguments = {"name": "resnet10t", "size_px": 32, "timm_kwargs": {"drop_rate": layer}}
    backbone = {"class_path": "facequal.models.TimmBackbone", "init_args": arguments}
    with pytest.raises(Exception, match=r"dict|Namespace"):  # timm is handed the dictionary
        load_module(changed(checkpoint, tmp_path, backbone=backbone))


def test_without_weight_files() -> None:
    arguments = {
        "weights": "a.pt",
        "m": 1,
        "parts": [{"encoders": {"b": "c"}}],
        "features": {"init_args": {"weights": "d"}},
    }
    kept = {"weights": None, "m": 1, "parts": [{"encoders": None}], "features": {"init_args": {"weights": None}}}
    assert without_weight_files(arguments) == kept
