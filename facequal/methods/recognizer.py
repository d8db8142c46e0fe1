"""Recognition with a margin head: AdaFace by default, any other head by configuration."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torchmetrics import MeanMetric

from facequal.losses.margins import margin_ramp
from facequal.methods.base import FaceMethod
from facequal.methods.schedules import Schedule, StepSchedule
from facequal.metrics.norms import NormStatistics
from facequal.models.backbones import Backbone, decay_parameter_groups
from facequal.models.heads import AdaFaceHead, MarginHead
from facequal.weights import load_weights

OptimizerFactory = Callable[[Iterable[Any]], Optimizer]
PUBLISHED_LR_PER_IMAGE = 0.1 / 512  # AdaFace: rate .1 at 512 images per step


def published_sgd(params: Iterable[Any]) -> Optimizer:
    """SGD as the AdaFace paper uses it: rate .1, momentum .9; the weight decay is set per group."""
    return SGD(params, lr=0.1, momentum=0.9)


class Recognizer(FaceMethod):
    """Train a backbone and a margin head on identities; test with the backbone alone.

    Args:
        backbone: network from images (B,3,H,W) in [0,1] to (embedding (B,D) of unit length, norm (B,1)).
        head: called as ``head(embedding_dim, num_classes)``.
        optimizer: called with parameter groups.
        schedule: factor of the rate at every step. Default: /10 at epochs 18 and 22 (AdaFace paper, 24 epochs).
        weight_decay: of the published groups: convolutions, linear layers, PReLU and the head; not BatchNorm. The
            optimizer's own ``weight_decay`` is not used.
        num_classes: identities; the CLI links it to the data. None builds no head (evaluation only).
        weights: checkpoint to start from: ours, or a published AdaFace one (see `facequal.weights`).
        colour_order: colour order of ``weights``, where the file does not say: "bgr" for published AdaFace ones.
        flip_test: in evaluation, add the embedding of the mirrored image, weighted by its norm (what published
            AdaFace numbers use).
        ramp: shares of the training at which the margin starts to grow and is full, such as (0.25, 0.6); None: full
            from the start.
        channels_last: memory format of the backbone; faster with half precision and on most CPUs.

    Raises:
        ValueError: fewer than two identities.
    """

    def __init__(
        self,
        backbone: Backbone,
        head: Callable[[int, int], MarginHead] = AdaFaceHead,
        optimizer: OptimizerFactory = published_sgd,
        schedule: Schedule | None = None,
        weight_decay: float = 5e-4,
        num_classes: int | None = None,
        weights: str | None = None,
        colour_order: str | None = None,
        flip_test: bool = True,
        ramp: tuple[float, float] | None = None,
        channels_last: bool = False,
    ) -> None:
        super().__init__()
        self.save_configuration()
        self.backbone = backbone.to(memory_format=torch.channels_last) if channels_last else backbone
        self.head = None if num_classes is None else head(backbone.embedding_dim, num_classes)
        self.optimizer_factory = optimizer
        self.schedule = schedule if schedule is not None else StepSchedule([18, 22])
        self.weight_decay = weight_decay
        self.flip_test = flip_test
        self.ramp = ramp
        self.norms = NormStatistics()
        self.margin = MeanMetric()
        if weights is not None:
            rank_zero_info(str(load_weights(self.backbone, self.head, weights, colour_order=colour_order)))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Embed images as evaluation does.

        Args:
            images: RGB (B,3,H,W) in [0,1].

        Returns:
            Unit embeddings (B,D) and norms (B,1). With ``flip_test`` both come from the sum of the raw features of
            the image and its mirror image, halved.
        """
        embedding, norm = self.backbone(images)
        if not self.flip_test:
            return embedding, norm
        flipped_embedding, flipped_norm = self.backbone(images.flip(-1))
        feature = 0.5 * (embedding * norm + flipped_embedding * flipped_norm)
        fused_norm = torch.linalg.vector_norm(feature, dim=1, keepdim=True)
        return feature / fused_norm.clamp_min(torch.finfo(feature.dtype).tiny), fused_norm

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        """One step on ``lq``: mean of the head's per-sample losses plus its regulariser.

        The loss and the probability that are logged are those of rank 0's share of the batch.

        A batch may hold ``quality`` (B,), a score per image for heads that are given theirs (`AdaFaceHead`).
        """
        head = self.require_head()
        if self.ramp is not None:
            head.margin_scale = margin_ramp(self.training_progress, *self.ramp)
        embedding, norm = self.backbone(batch["lq"])
        output = head.loss(embedding, norm, batch["label"], batch.get("quality"))
        self.require_finite(output.per_sample_loss, batch, batch_idx)
        loss = output.per_sample_loss.mean() + output.regulariser
        self.norms.update(norm.detach())
        self.margin.update(output.margin.detach())
        self.log("train/loss", loss.detach(), prog_bar=True)
        self.log("train/learning_rate", self.trainer.optimizers[0].param_groups[0]["lr"])
        self.log("train/target_probability", output.target_probability.detach().mean())
        return loss

    def on_train_epoch_end(self) -> None:
        """Log the statistics of norms and margins over the epoch and all ranks."""
        super().on_train_epoch_end()
        statistics = {f"train/norm_{name}": value for name, value in self.norms.compute().items()}
        # Already those of all ranks: averaging equal values changes nothing, and Lightning asks for it.
        self.log_dict({**statistics, "train/margin_mean": self.margin.compute()}, sync_dist=True)
        self.norms.reset()
        self.margin.reset()

    def validation_step(self, batch: dict[str, Any], batch_idx: int, dataloader_idx: int = 0) -> dict[str, Tensor]:
        """Embed a batch; the evaluation callback computes the figures."""
        return self.embed_batch(batch)

    def test_step(self, batch: dict[str, Any], batch_idx: int, dataloader_idx: int = 0) -> dict[str, Tensor]:
        """Embed a batch; the evaluation callback computes the figures."""
        return self.embed_batch(batch)

    def predict_step(self, batch: dict[str, Any], batch_idx: int, dataloader_idx: int = 0) -> dict[str, Tensor]:
        """Embed a batch; a callback writes the embeddings."""
        return self.embed_batch(batch)

    def embed_batch(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        """Embedding (B,D), norm (B,1) and what says which image and view each row is."""
        embedding, norm = self(batch["image"])
        places: dict[str, Tensor] = {name: batch[name] for name in ("index", "view", "label") if name in batch}
        return {"embedding": embedding, "norm": norm, **places}

    def configure_optimizers(self) -> Any:
        """The optimizer over the published groups, and the schedule at every step."""
        decayed, undecayed = decay_parameter_groups(self)
        groups = [
            {"params": decayed, "weight_decay": self.weight_decay},
            {"params": undecayed, "weight_decay": 0.0},
        ]
        optimizer = self.optimizer_factory([group for group in groups if group["params"]])
        scheduler = LambdaLR(optimizer, self.rate_factor)
        self.note_learning_rate(optimizer)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def rate_factor(self, step: int) -> float:
        """Factor of the learning rate at an optimizer step."""
        if step == 0:
            # Asking Lightning for the number of steps now, before a checkpoint is restored, would build the loader
            # too early: a resume in the middle of an epoch would lose its place in the data.
            return self.schedule(0.0, 0.0)
        steps_per_epoch = math.ceil(self.trainer.num_training_batches / self.trainer.accumulate_grad_batches)
        return self.schedule(step / steps_per_epoch, min(1.0, step / self.total_steps))

    def note_learning_rate(self, optimizer: Optimizer) -> None:
        """Say so when an SGD rate does not fit the batch: rate .1 with batches of 32 does not converge on face data."""
        datamodule = getattr(self.trainer, "datamodule", None)
        if not isinstance(optimizer, SGD) or datamodule is None:
            return
        batch_size = datamodule.batch_size * self.trainer.accumulate_grad_batches
        rate = optimizer.param_groups[0]["initial_lr"]
        ratio = rate / (PUBLISHED_LR_PER_IMAGE * batch_size)
        if not 0.1 <= ratio <= 10:
            rank_zero_info(
                f"note: learning rate {rate:g} with batch {batch_size} is {ratio:.2g} times the published .1 at 512; "
                f"in proportion it would be {PUBLISHED_LR_PER_IMAGE * batch_size:.3g}"
            )

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave out the head of the checkpoint unless training goes on: to evaluate, no head is needed."""
        if self.head is None or (self._trainer is not None and self.trainer.state.fn != "fit"):
            state = checkpoint["state_dict"]  # changed in place: a copy would lose the metadata with the colour order
            for key in [key for key in state if key.startswith("head.")]:
                del state[key]
            if self.head is not None:
                state.update({f"head.{key}": value for key, value in self.head.state_dict().items()})

    def require_head(self) -> MarginHead:
        """The head.

        Raises:
            RuntimeError: the recogniser was built without one.
        """
        if self.head is None:
            raise RuntimeError(
                "this recogniser has no head: num_classes is not set, because data.train is not configured"
            )
        return self.head
