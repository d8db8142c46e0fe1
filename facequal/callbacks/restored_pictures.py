"""`facequal predict` of a method that restores: the pictures as PNG files."""

from pathlib import Path, PurePath
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_info

from facequal.data.images import encode_png
from facequal.data.source import FaceSource
from facequal.evaluation.folders import run_folder
from facequal.methods.restoring import as_picture


class RestoredPictures(Callback):
    """Write every restored picture as a PNG file of its size, under its path within the source, ending in ``.png``.

    Args:
        folder: the folder; None takes ``restored`` in the folder of the run.
    """

    def __init__(self, folder: str | None = None) -> None:
        self.folder = folder
        self.paths: list[Path] = []

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Nothing is written yet."""
        self.paths = []

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Write the pictures of a batch.

        Raises:
            ValueError: two pictures would get one name, or one would overwrite what it is made from.
        """
        if "restored" not in outputs:
            return
        if not self.paths:
            source: FaceSource = trainer.datamodule.predict_source  # type: ignore[attr-defined]
            folder = run_folder(trainer) / "restored" if self.folder is None else Path(self.folder)
            self.paths = picture_paths(source, folder)
        for image, index in zip(outputs["restored"], outputs["index"].tolist(), strict=True):
            self.paths[index].parent.mkdir(parents=True, exist_ok=True)
            encode_png(self.paths[index], as_picture(image))

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say where they are."""
        if self.paths:
            folder = self.folder or run_folder(trainer) / "restored"
            rank_zero_info(f"{len(self.paths)} restored pictures: {folder}")


def picture_paths(source: FaceSource, folder: Path) -> list[Path]:
    """A PNG file for every image of a source.

    Raises:
        ValueError: two would be the same, or one is an image of the source.
    """
    taken: dict[Path, int] = {}
    for index in range(len(source)):
        name = PurePath(source.name(index) if hasattr(source, "name") else f"{index:06d}")
        path = folder / name.with_suffix(".png")
        if path in taken:
            both = f"{source.describe(taken[path])} and {source.describe(index)}"
            raise ValueError(f"{both} would both become {path}")
        if path.resolve() == Path(source.describe(index)).resolve():
            raise ValueError(f"{path} would be overwritten by what is made from it: give another folder")
        taken[path] = index
    return list(taken)
