"""Follows some samples through a training: norm, probability, margin and gradient scaling in every epoch."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from facequal.evaluation.brisque_files import load_brisque
from facequal.evaluation.collection import gather_rows
from facequal.metrics.no_reference import SCORES, no_reference_scores
from facequal.reports.run_folder import run_folder

FOLDER = "samples"
CLASSES = ("blur", "noise", "low_light")  # the order of a batch's `classes`


class TrainingSamples(Callback):
    """The files `samples/epoch_NNNN.parquet` in the folder of the run: a row per chosen sample and view.

    The same images are followed through all epochs, so that there is a trajectory for each of them and a bound for the
    files: at most `num_samples` times the views of the method. Columns are `epoch`, `index`, `label`, `view`
    (0 is the only one, or QGFace's original; 1 its degraded copy), `norm`, `probability`, `margin`,
    `gradient_scaling`, `drawn.NAME` for every number per image that the degradation drew, and `measured.NAME` for
    every measure of `facequal.metrics.no_reference`, of the picture as the network saw it; they are what
    `facequal.analysis.norms` reads. `gradient_scaling` is that of the margin: QGFace's partition acts on the loss
    after it. Of a degradation that draws classes, as `MultiDegradation`, `drawn.blur.applied`,
    `drawn.noise.applied` and `drawn.low_light.applied` say what reached an image. Rows of all ranks are written by
    the first, each image once. After a resume within an epoch the file of that epoch holds what came after it.

    Args:
        num_samples: Images that are followed, drawn from the training set by a seed.
        seed: Seed of that draw.
        folder: Where the files go; None takes `samples` in the folder of the run.
        measure: Whether to measure the chosen pictures.
        brisque: Files of model and ranges (see `facequal.evaluation.brisque_files.load_brisque`) to measure BRISQUE
            with too, as `measured.brisque`: some 7 ms per picture on a CPU.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If no sample is asked for, or the files are no weights of BRISQUE.
    """

    def __init__(
        self,
        num_samples: int = 750,  # on the demo, whose network is small, 1.2 % of a training step
        seed: int = 0,
        folder: str | None = None,
        measure: bool = True,
        brisque: tuple[str, str] | None = None,
    ) -> None:
        if num_samples < 1:
            raise ValueError(f"num_samples must be at least 1, got {num_samples}")
        self.num_samples, self.seed, self.folder, self.measure = num_samples, seed, folder, measure
        self.further = {} if brisque is None else {"brisque": load_brisque(*brisque)}
        self.is_chosen = torch.zeros(0, dtype=torch.bool)
        self.rows: list[dict[str, Tensor]] = []

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Choose the samples, the same ones in every epoch and on every rank.

        Raises:
            TypeError: If the trainer was given loaders in place of a data module.
        """
        datamodule = getattr(trainer, "datamodule", None)
        if datamodule is None:
            raise TypeError("TrainingSamples needs the data as a FaceDataModule, whose samples it can tell apart")
        num = len(datamodule.train_source)
        chosen = np.random.default_rng(self.seed).permutation(num)[: self.num_samples]
        self.is_chosen = torch.zeros(num, dtype=torch.bool)
        self.is_chosen[torch.from_numpy(chosen)] = True
        self.rows = []

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Keep the rows of the chosen samples of a batch.

        Raises:
            TypeError: If the method's training step returns no values of its samples.
        """
        if "samples" not in outputs:
            raise TypeError(f"{type(pl_module).__name__} gives no values per sample: TrainingSamples is for heads")
        samples = dict(outputs["samples"])
        views = len(samples["index"]) // len(batch["index"])
        samples["label"] = batch["label"].repeat(views)
        for name, drawn in batch["degradation"].items():
            if drawn.ndim == 1:
                samples[f"drawn.{name}"] = drawn.float().repeat(views)
        for name, applied in zip(CLASSES, batch.get("classes", torch.zeros(0)).unbind(-1), strict=False):
            samples[f"drawn.{name}.applied"] = applied.float().repeat(views)
        chosen = torch.nonzero(self.is_chosen[samples["index"].cpu()]).squeeze(1)
        on_device = chosen.to(samples["index"].device)
        rows = {name: values.detach()[on_device].cpu() for name, values in samples.items()}
        if self.measure:
            # Of one view the network saw lq, of two image and lq.
            seen = batch["lq"] if views == 1 else torch.cat((batch["image"], batch["lq"]))
            rows |= measured(seen[chosen.to(seen.device)], self.further)
        self.rows.append(rows)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Gather the rows of all ranks and write the epoch's file."""
        rows = {name: torch.cat([batch[name] for batch in self.rows]) for name in (self.rows[0] if self.rows else ())}
        self.rows = []
        if trainer.world_size > 1:
            rows = gather_uneven(trainer, rows)
        folder = run_folder(trainer) / FOLDER if self.folder is None else Path(self.folder)
        if trainer.is_global_zero and rows:
            write_samples(folder / f"epoch_{trainer.current_epoch:04d}.parquet", rows, trainer.current_epoch)


def measured(pictures: Tensor, further: Mapping[str, Callable[[Tensor], Tensor]]) -> dict[str, Tensor]:
    """Measure pictures (B,3,H,W): every measure as `measured.NAME`, float32 (B,); B may be 0."""
    if not len(pictures):  # which the measures do not take
        return {f"measured.{name}": torch.zeros(0) for name in (*SCORES, *further)}
    scores = no_reference_scores(pictures) | {name: measure(pictures) for name, measure in further.items()}
    return {f"measured.{name}": values.float().cpu() for name, values in scores.items()}


def gather_uneven(trainer: Trainer, rows: dict[str, Tensor]) -> dict[str, Tensor]:
    """Gather the rows of all ranks, of which each may have another number: they are filled up for the exchange."""
    lengths = gather_rows(trainer, torch.tensor([len(rows["index"])]))
    longest = int(lengths.max())
    keep = torch.cat([torch.arange(longest) < length for length in lengths.cpu()])
    padded = {name: torch.cat((values, values.new_zeros(longest - len(values)))) for name, values in rows.items()}
    return {name: gather_rows(trainer, values).cpu()[keep] for name, values in padded.items()}


def write_samples(path: Path, rows: dict[str, Tensor], epoch: int) -> None:
    """Write a Parquet file, sorted by view and index, each of them once."""
    import pandas as pd

    frame = pd.DataFrame({name: values.numpy() for name, values in rows.items()})
    frame = frame.sort_values(["view", "index"], kind="stable").drop_duplicates(["view", "index"])
    frame.insert(0, "epoch", epoch)
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(path, index=False)
