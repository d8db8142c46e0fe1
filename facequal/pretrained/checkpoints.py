"""Our own checkpoints, loaded as the class that wrote them."""

import importlib
import warnings
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule

WEIGHT_FILES = ("weights", "encoders")
"""Arguments of methods and of their parts that name files of weights to start from."""


def load_module(path: str | Path) -> LightningModule:
    """Build the method a checkpoint holds and load its weights, on the CPU.

    Args:
        path: A checkpoint written by a run of the command line.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it names no class of this package, as checkpoints of methods built in Python; those are loaded by
            `Class.load_from_checkpoint(path, backbone=...)`.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no checkpoint {path}")
    content = torch.load(path, map_location="cpu", weights_only=True)
    class_path = content.get("hyper_parameters", {}).get("_class_path")
    if not isinstance(class_path, str) or not class_path.startswith("facequal.methods."):
        raise ValueError(
            f"{path}: names the class {class_path!r}, not one of facequal.methods; load it by "
            "Class.load_from_checkpoint(path, backbone=...)"
        )
    module_name, _, class_name = class_path.rpartition(".")
    method = getattr(importlib.import_module(module_name), class_name)
    # What the training started from is replaced by the checkpoint, and the files may be gone.
    stored = {name: value for name, value in content["hyper_parameters"].items() if not name.startswith("_")}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* has random weights")  # not for long
        loaded: LightningModule = method.load_from_checkpoint(
            path,
            map_location="cpu",
            weights_only=True,
            **without_weight_files(stored),
        )
    return loaded


def without_weight_files(arguments: Any) -> Any:
    """Return a method's arguments as the command line keeps them, without the files of weights that any part starts from."""
    if isinstance(arguments, dict):
        return {
            name: None if name in WEIGHT_FILES else without_weight_files(value) for name, value in arguments.items()
        }
    return [without_weight_files(value) for value in arguments] if isinstance(arguments, list) else arguments
