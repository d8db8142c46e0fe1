"""Our own checkpoints, loaded as the class that wrote them."""

import importlib
import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from jsonargparse import ArgumentParser
from lightning.pytorch import LightningModule

from facequal.moved import with_present_paths
from facequal.pretrained.trust import only_trusted_classes

WEIGHT_FILES = ("weights", "encoders")
"""Arguments of methods and of their parts that name files of weights to start from."""


def load_module(path: str | Path, trust: Sequence[str] = ()) -> LightningModule:
    """Build the method a checkpoint holds and load its weights, on the CPU.

    A checkpoint names the classes that it is built of. Networks, heads, methods and the like of this package, networks
    and optimizers of torch are trusted, and classes of modules of your own that you have imported; others have to be
    named.

    Args:
        path: A checkpoint written by a run of the command line.
        trust: Further modules whose classes may be built, with what is in them: `["my_methods"]`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it names a class that is not trusted, or none, as checkpoints of methods built in Python; those
            are loaded by `Class.load_from_checkpoint(path, backbone=...)`.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no checkpoint {path}")
    content = torch.load(path, map_location="cpu", weights_only=True)
    foreign = sorted({"hparams", "module_arguments"} & content.keys())
    if foreign:  # Lightning would add what old versions of it have kept there
        raise ValueError(f"{path}: holds {foreign[0]!r}, which no run of the command line writes")
    stored = with_present_paths(content.get("hyper_parameters", {}))
    class_path = stored.get("_class_path")
    if not isinstance(class_path, str):
        raise ValueError(f"{path}: names no class; load it by Class.load_from_checkpoint(path, backbone=...)")
    with only_trusted_classes(stored, path, trust), warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* has random weights")  # not for long
        method = method_class(class_path, path)
        # What the training started from is replaced by the checkpoint, and the files may be gone. Older checkpoints
        # also hold arguments that the method does not take.
        taken = arguments_of(method)
        stored = {name: value for name, value in stored.items() if name in taken or name.startswith("_")}
        cleaned = io.BytesIO()
        torch.save({**content, "hyper_parameters": without_weight_files(stored)}, cleaned)
        cleaned.seek(0)
        return method.load_from_checkpoint(cleaned, map_location="cpu", weights_only=True)


def arguments_of(method: type[LightningModule]) -> list[str]:
    """Return the names of the arguments that a method takes, those that it hands on to its bases among them."""
    names: list[str] = ArgumentParser(exit_on_error=False).add_class_arguments(method, fail_untyped=False)
    return names


def method_class(class_path: str, path: str | Path) -> type[LightningModule]:
    """Return the class of a method, imported.

    Args:
        class_path: Module and class.
        path: The checkpoint that names it, for the message.

    Raises:
        ValueError: If there is no such method.
    """
    module_name, _, class_name = class_path.rpartition(".")
    try:
        method = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"{path}: names the class {class_path!r}, but {error}") from error
    if not (isinstance(method, type) and issubclass(method, LightningModule)):
        raise ValueError(f"{path}: names the class {class_path!r}, which is no method")
    return method


def without_weight_files(arguments: Any) -> Any:
    """Return a method's arguments as the command line keeps them, without the weight files that parts start from."""
    if isinstance(arguments, dict):
        return {
            name: None if name in WEIGHT_FILES else without_weight_files(value) for name, value in arguments.items()
        }
    return [without_weight_files(value) for value in arguments] if isinstance(arguments, list) else arguments
