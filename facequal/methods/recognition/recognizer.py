"""Recognition with a margin head: AdaFace by default, any other head by configuration."""

from typing import Any

from torchmetrics import MeanMetric

from facequal.methods.recognition.base import EmbeddingMethod, sample_values
from facequal.metrics.norms import NormStatistics
from facequal.models.backbones import Backbone


class Recognizer(EmbeddingMethod):
    """Training of a backbone and a margin head on identities, AdaFace's by default; the backbone alone is tested.

    The loss is the mean of the head's per-sample losses, on `lq`, plus the head's regulariser.

    Args:
        kwargs: The arguments of `EmbeddingMethod`, with its defaults.
    """

    def __init__(self, backbone: Backbone, **kwargs: Any) -> None:
        super().__init__(backbone, **kwargs)
        self.norms = NormStatistics()
        self.margin = MeanMetric()

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Any]:
        """Take one step on `lq`: `loss`, the mean of the head's per-sample losses plus its regulariser, and `samples`.

        The loss and the probability that are logged are those of rank 0's share of the batch.

        A batch may hold `quality` (B,), a score per image for heads that are given theirs (`AdaFaceHead`).
        """
        embedding, norm = self.backbone(batch["lq"])  # (B,D) of unit length, (B,1)
        # The head reads quality off the norm and sets each sample's margin by it (AdaFace, Eq. 15-17)
        output = self.training_head().loss(embedding, norm, batch["label"], batch.get("quality"))
        self.require_finite(output.per_sample_loss, batch, batch_idx)
        loss = output.per_sample_loss.mean() + output.regulariser
        self.norms.update(norm.detach())
        self.norm_correlations.update(norm, batch["degradation"])
        self.margin.update(output.margin.detach())
        self.log("train/loss", loss.detach(), prog_bar=True)
        self.log("train/learning_rate", self.trainer.optimizers[0].param_groups[0]["lr"])
        self.log("train/target_probability", output.target_probability.detach().mean())
        return {"loss": loss, "samples": sample_values(output, norm, batch["index"])}

    def on_train_epoch_end(self) -> None:
        """Log the statistics of norms and margins over the epoch and all ranks."""
        super().on_train_epoch_end()
        statistics = {f"train/norm_{name}": value for name, value in self.norms.compute().items()}
        # Already those of all ranks: averaging equal values changes nothing, and Lightning asks for it.
        self.log_dict({**statistics, "train/margin_mean": self.margin.compute()}, sync_dist=True)
        self.norms.reset()
        self.margin.reset()
