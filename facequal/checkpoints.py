"""Our own checkpoints, loaded as the class that wrote them."""

import importlib
from pathlib import Path

import torch
from lightning.pytorch import LightningModule


def load_module(path: str | Path) -> LightningModule:
    """Build the method a checkpoint holds and load its weights, on the CPU.

    Args:
        path: a checkpoint written by a run of the command line.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it names no class of this package, as checkpoints of methods built in Python; those are loaded by
            ``Class.load_from_checkpoint(path, backbone=...)``.
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
    loaded: LightningModule = method.load_from_checkpoint(
        path,
        map_location="cpu",
        weights_only=True,
        weights=None,  # the file the training started from: replaced by the checkpoint, and maybe gone
    )
    return loaded
