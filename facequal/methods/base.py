"""What every method shares: its saved configuration, the guard of the loss, and the care of statistics over ranks."""

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.core.mixins.hparams_mixin import _given_hyperparameters
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.trainer.states import TrainerStatus
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from facequal.methods.schedules import Schedule
from facequal.pretrained.checkpoints import arguments_of

OptimizerFactory = Callable[[Iterable[Any]], Optimizer]

# DDP's option to copy rank 0's buffers before each forward; torch 2.15 renamed it.
BUFFER_OPTIONS = ("forward_sync_buffers", "broadcast_buffers")


class FaceMethod(LightningModule):
    """Base of the methods: how any of them behaves in a run, not how one learns.

    Args:
        optimizer: Called with the parameters to train, or with groups of them.
        schedule: Factor of the learning rate at every step.
    """

    def __init__(self, optimizer: OptimizerFactory, schedule: Schedule) -> None:
        super().__init__()
        self.save_configuration()
        self.optimizer_factory, self.schedule = optimizer, schedule

    def save_configuration(self) -> None:
        """Keep the parsed configuration in checkpoints, so that `facequal.load_module` can build the method again.

        Only the CLI knows it as plain values. A method built in Python holds modules and callables, which a
        checkpoint read with `weights_only=True` could not hold; such a one is loaded by
        `load_from_checkpoint(path, backbone=...)`.
        """
        parsed = _given_hyperparameters.get()
        if parsed is None:
            return
        # The CLI links `num_classes` to every method, also to one that does not take it: that is left out.
        taken = arguments_of(type(self))
        self.save_hyperparameters(ignore=[name for name in parsed if name not in taken and not name.startswith("_")])

    def setup(self, stage: str) -> None:
        """Keep DDP from overwriting global statistics with those of rank 0.

        Raises:
            ValueError: If the strategy asks for it.
        """
        strategy = self.trainer.strategy
        if not isinstance(strategy, DDPStrategy):
            return
        options = strategy._ddp_kwargs
        for name in BUFFER_OPTIONS:
            if options.get(name):
                raise ValueError(
                    f"trainer.strategy sets {name}={options[name]}: DDP would overwrite the statistics that are "
                    "gathered over all ranks with those of rank 0. Leave it out or set it to False"
                )
        if not any(name in options for name in BUFFER_OPTIONS):
            known = inspect.signature(DistributedDataParallel).parameters
            options[next(name for name in BUFFER_OPTIONS if name in known)] = False

    def on_validation_start(self) -> None:
        """Give all ranks the same BatchNorm statistics before they are used."""
        average_batch_norm_statistics(self)

    def on_train_epoch_end(self) -> None:
        """Give all ranks the same BatchNorm statistics before they are saved."""
        average_batch_norm_statistics(self)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Give all ranks the same BatchNorm statistics in a checkpoint that is saved in the middle of an epoch too.

        All ranks take part in saving, and the tensors of the checkpoint are those of the module. The module goes on
        with what is saved, so that a resume goes on as the run would have. On the way out after an error the ranks may
        have stopped at different places: nothing is exchanged then.
        """
        if self._trainer is not None and self.trainer.state.status != TrainerStatus.INTERRUPTED:
            average_batch_norm_statistics(self)

    def require_finite(self, values: Tensor, batch: Mapping[str, Any], batch_idx: int, what: str = "loss") -> None:
        """Stop at a value that is NaN or infinite, naming the samples; on all ranks when it happens on one.

        The host waits for the device here, once per step.

        Args:
            values: (B,), any float dtype: one value per sample.
            batch: Holds `index` int64 (B,).
            batch_idx: Position of the batch in the epoch.
            what: What the values are, for the message.

        Raises:
            FloatingPointError: If at least one value is not finite.
        """
        finite = torch.isfinite(values.detach())
        # A rank that stopped alone would leave the others waiting in the exchange of gradients.
        if all_ranks(finite.all()):
            return
        indices = batch["index"][~finite].tolist()
        shown = ", ".join(map(str, indices[:20])) + (", ..." if len(indices) > 20 else "")
        raise FloatingPointError(
            f"{what} is not finite for {len(indices)} of {len(finite)} samples in epoch {self.current_epoch}, "
            f"batch {batch_idx}: sample indices {shown}"
        )

    def gather_batch(self, rows: Tensor) -> Tensor:
        """Return rows of all ranks in rank order, so that every rank computes the loss of the global batch.

        The gradient goes back to a rank's own rows only, times the number of ranks: the others' rows get theirs on
        their own ranks, and DDP's mean over the ranks divides the factor out. So parameters get the gradient of one
        process with the global batch, and nothing is sent in the backward pass.

        Args:
            rows: (B, ...), of equal length on all ranks.

        Returns:
            (world_size * B, ...), with gradient where `rows` have one.
        """
        world_size = self.trainer.world_size
        if world_size == 1:
            return rows
        rows = rows.contiguous()
        gathered = [torch.empty_like(rows) for _ in range(world_size)]
        torch.distributed.all_gather(gathered, rows.detach())
        if rows.requires_grad:
            local_rows = rows.clone()
            local_rows.register_hook(lambda gradient: gradient * world_size)  # type: ignore[no-untyped-call]
            gathered[self.trainer.global_rank] = local_rows
        return torch.cat(gathered)

    def with_schedule(self, optimizer: Optimizer) -> dict[str, Any]:
        """Return what `configure_optimizers` gives: the optimizer, and the method's `schedule` at every step."""
        scheduler = LambdaLR(optimizer, self.rate_factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def rate_factor(self, step: int) -> float:
        """Return the factor of the learning rate at an optimizer step, by the method's `schedule`."""
        if step == 0:
            # Asking Lightning for the number of steps now, before a checkpoint is restored, would build the loader
            # too early: a resume in the middle of an epoch would lose its place in the data.
            return self.schedule(0.0, 0.0)
        return self.schedule(step / self.steps_per_epoch, min(1.0, step / self.total_steps))

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of an epoch."""
        return math.ceil(self.trainer.num_training_batches / self.trainer.accumulate_grad_batches)

    @property
    def training_progress(self) -> float:
        """Share of the optimizer steps done, in [0, 1]."""
        return min(1.0, self.trainer.global_step / self.total_steps)

    @property
    def total_steps(self) -> int:
        """Optimizer steps of the whole training.

        Raises:
            ValueError: If the training has no set length.
        """
        total = self.trainer.estimated_stepping_batches
        if math.isinf(total):
            raise ValueError("set trainer.max_epochs or trainer.max_steps: schedules are shares of the whole training")
        return max(1, int(total))


def all_ranks(flag: Tensor) -> bool:
    """Return whether a boolean scalar is true on every rank."""
    everywhere = flag.to(torch.int32)
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.all_reduce(everywhere, torch.distributed.ReduceOp.MIN)
    return bool(everywhere)


def average_batch_norm_statistics(module: nn.Module) -> None:
    """Replace the running statistics of every BatchNorm by their mean over all ranks, in place.

    Each rank normalises with its own batch and so keeps its own running statistics; without this, what is saved and
    validated would be those of one rank.
    """
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return
    world_size = torch.distributed.get_world_size()
    for layer in module.modules():
        if isinstance(layer, _BatchNorm) and layer.running_mean is not None and layer.running_var is not None:
            for statistic in (layer.running_mean, layer.running_var):
                torch.distributed.all_reduce(statistic)
                statistic.div_(world_size)
