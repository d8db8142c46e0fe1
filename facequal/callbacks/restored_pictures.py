"""`facequal predict` of a method that restores: the pictures as PNG files."""

from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_info

from facequal.data.protocols.photos import ReferencedPhotos
from facequal.data.source import FaceSource
from facequal.data.sources.images import encode_png
from facequal.methods.restoration.base import RestoringMethod, as_picture
from facequal.reports.run_folder import run_folder


class RestoredPictures(Callback):
    """A PNG file of every restored picture, of its size, under its path within the source, ending in `.png`.

    Args:
        folder: The folder; None takes `restored` in the folder of the run.
    """

    def __init__(self, folder: str | None = None) -> None:
        self.folder = folder
        self.paths: list[Path] = []
        self.modes: dict[str, int] = {}

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Name the files.

        Raises:
            ValueError: If two pictures would get one name, or one would overwrite what it is made from.
        """
        self.paths, self.modes = [], {}
        if isinstance(pl_module, RestoringMethod):
            source: FaceSource = trainer.datamodule.predict_source  # type: ignore[attr-defined]
            self.paths = picture_paths(source, self.picture_folder(trainer))

    def picture_folder(self, trainer: Trainer) -> Path:
        """Return the folder of the pictures, equal on all ranks."""
        return run_folder(trainer) / "restored" if self.folder is None else Path(self.folder)

    def on_predict_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        """Write the pictures of a batch."""
        if "restored" not in outputs:
            return
        for image, index in zip(outputs["restored"], outputs["index"].tolist(), strict=True):
            self.paths[index].parent.mkdir(parents=True, exist_ok=True)
            encode_png(self.paths[index], as_picture(image))
        for mode in modes_of(outputs.get("mode", ""), batch):
            self.modes[mode] = self.modes.get(mode, 0) + 1

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say where they are, and how many were restored in each mode, on the first rank."""
        if self.paths:
            modes = ", ".join(f"{number} {mode}".strip() for mode, number in self.modes.items())
            rank_zero_info(f"restored pictures: {self.picture_folder(trainer)} ({modes})")


def modes_of(mode: str, batch: Mapping[str, Any]) -> list[str]:
    """Return the mode of every picture of a batch: in the mode "refs" one without references is restored by "self".

    Args:
        mode: The mode of the step, "" where the method has one way only.
        batch: `index` (B,), and in the mode "refs" `num_references` (B,).

    >>> import torch
    >>> modes_of("refs", {"index": torch.arange(2), "num_references": torch.tensor([3, 0])})
    ['refs', 'self']
    """
    if mode != "refs":
        return [mode] * len(batch["index"])
    return ["refs" if number else "self" for number in batch["num_references"].tolist()]


def picture_paths(source: FaceSource, folder: Path) -> list[Path]:
    """Return a PNG file for every image of a source.

    Raises:
        ValueError: If two would be the same, or one is a file that the source reads.
    """
    sources: list[FaceSource] = [source]
    if isinstance(source, ReferencedPhotos):
        sources.append(source.clean)
    read = {Path(part.describe(index)).resolve() for part in sources for index in range(len(part))}
    taken: dict[Path, int] = {}
    for index in range(len(source)):
        name = PurePath(source.name(index) if hasattr(source, "name") else f"{index:06d}")
        path = folder / name.with_suffix(".png")
        if path in taken:
            both = f"{source.describe(taken[path])} and {source.describe(index)}"
            raise ValueError(f"{both} would both become {path}")
        if path.resolve() in read:
            raise ValueError(f"{path} is one of the pictures that are read: give another folder")
        taken[path] = index
    return list(taken)
