"""MagFace: the margin grows with the norm of the feature, and long features are rewarded."""

from torch import Tensor

from facequal.models.heads import margins
from facequal.models.heads.base import MarginHead


class MagFaceHead(MarginHead):
    """MagFace (Meng et al., CVPR 2021): logit_y = s cos(theta_y + m(a)) with a the feature norm.

    m(a) is linear from `lower_m` at `lower_norm` to `upper_m` at `upper_norm`; lambda_g mean(a / u_a^2 + 1 / a) is
    added to the loss. Gradients flow to the norm through both, so `norm` must come from the backbone undetached.

    Args:
        embedding_dim: Length D of the embedding.
        num_classes: Number C of identities.
        lower_norm: l_a.
        upper_norm: u_a.
        lower_m: l_m in radians.
        upper_m: u_m in radians.
        lambda_g: Weight of the regulariser (35 in the released script, 20 in its argument parser).
        easy_margin: No margin where cos(theta_y) <= 0 (released default); otherwise the monotone form.
        s: Scale of the cosines.

    Raises:
        ValueError: If not 0 < lower_norm < upper_norm.

    >>> import torch
    >>> head = MagFaceHead(embedding_dim=2, num_classes=2)
    >>> _ = torch.nn.init.eye_(head.weight)
    >>> embedding = torch.tensor([[0.5, 0.75**0.5]])  # 60 degrees from its class
    >>> head.loss(embedding, torch.tensor([[60.0]]), torch.tensor([0])).margin  # the margin at norm 60 is 35.8 degrees
    tensor([0.6012])
    """

    def __init__(
        self,
        embedding_dim: int,
        num_classes: int,
        lower_norm: float = 10.0,
        upper_norm: float = 110.0,
        lower_m: float = 0.45,
        upper_m: float = 0.8,
        lambda_g: float = 35.0,
        easy_margin: bool = True,
        s: float = 64.0,
    ) -> None:
        super().__init__(embedding_dim, num_classes, s)
        if not 0 < lower_norm < upper_norm:
            raise ValueError(f"MagFace needs 0 < lower_norm < upper_norm, got {lower_norm} and {upper_norm}")
        self.lower_norm = lower_norm
        self.upper_norm = upper_norm
        self.lower_m = lower_m
        self.upper_m = upper_m
        self.lambda_g = lambda_g
        self.easy_margin = easy_margin

    def condition(self, logits: Tensor, labels: Tensor, cosine: Tensor, norm: Tensor, quality: Tensor | None) -> Tensor:
        """Return the margin m(a) in radians (B,); see `MarginHead.condition` for the arguments."""
        super().condition(logits, labels, cosine, norm, quality)
        margin = margins.magface_margin(norm, self.lower_norm, self.upper_norm, self.lower_m, self.upper_m)
        return self.margin_scale * margin

    def margined_cosine(self, cosine: Tensor, condition: Tensor) -> Tensor:
        """Return cos(theta_y + m(a)) for cosines (B,) and margins (B,)."""
        return margins.magface(cosine, condition, self.easy_margin)

    def regulariser(self, norm: Tensor) -> Tensor:
        """Return lambda_g mean(a / u_a^2 + 1 / a), zero for an empty batch; see `MarginHead.regulariser`."""
        penalty = margins.magface_regulariser(norm, self.lower_norm, self.upper_norm)
        return self.lambda_g * penalty.sum() / max(len(norm), 1)
