"""Shows during training what the network sees: clean, degraded and, where the method restores, restored pictures."""

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from facequal.data.sources.images import encode_png
from facequal.evaluation.loggers import log_picture
from facequal.reports.run_folder import run_folder


class TrainingPreview(Callback):
    """A grid of the first pictures of a batch every so many steps, as a file and for the logger.

    Rows: clean, degraded and, of methods that restore, restored. The PNG goes to `preview/` in the folder of the
    run, whatever the logger; those that take images (W&B, TensorBoard) get it as `train/preview` too.

    Args:
        every_n_steps: Optimizer steps between two grids; the first is drawn after the first step.
        num_images: Columns.

    Raises:
        ValueError: If a number is below 1.
    """

    def __init__(self, every_n_steps: int = 500, num_images: int = 8) -> None:
        if every_n_steps < 1 or num_images < 1:
            raise ValueError(f"every_n_steps and num_images must be at least 1, got {every_n_steps}, {num_images}")
        self.every_n_steps, self.num_images = every_n_steps, num_images
        self.last_step: int | None = None

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Draw where it is time to; once per step, whatever the accumulation of gradients."""
        step = trainer.global_step
        # Several batches make a step where gradients are accumulated, and two optimizers make two steps of a batch.
        first = self.last_step is None and step > 0
        due = self.last_step is not None and step // self.every_n_steps > self.last_step // self.every_n_steps
        if not (first or due) or "lq" not in batch:
            return
        self.last_step = step
        folder = run_folder(trainer)
        if trainer.is_global_zero:
            some = {name: values[: self.num_images] for name, values in batch.items() if isinstance(values, Tensor)}
            picture = grid(rows_of(pl_module, some))
            path = folder / "preview" / f"step_{step:07d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            encode_png(path, picture.permute(1, 2, 0).numpy())
            log_picture(trainer, "train/preview", path)


@torch.no_grad()
def rows_of(pl_module: LightningModule, batch: dict[str, Tensor]) -> list[Tensor]:
    """Return the rows of the grid, (B,3,H,W) each; the method restores in evaluation mode, and is left as it was."""
    rows = [batch["image"], batch["lq"]]
    restore = getattr(pl_module, "restore_batch", None)
    if restore is not None:
        modes = {module: module.training for module in pl_module.modules()}
        pl_module.eval()
        with pl_module.trainer.precision_plugin.forward_context():
            rows.append(restore(batch)["restored"])
        for module, training in modes.items():
            module.training = training
    return rows


def grid(rows: list[Tensor]) -> Tensor:
    """Put rows of pictures (B,3,H,W) in [0,1] into one uint8 picture (3, rows H, B W) on the CPU.

    >>> grid([torch.zeros(4, 3, 16, 16), torch.ones(4, 3, 16, 16)]).shape
    torch.Size([3, 32, 64])
    """
    lines = [torch.cat(list(row.detach().float().cpu()), dim=2) for row in rows]
    return torch.cat(lines, dim=1).clamp(0.0, 1.0).mul(255.0).round().to(torch.uint8)
