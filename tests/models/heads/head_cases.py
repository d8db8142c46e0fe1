"""One batch and one head of every kind, small and fixed, for the tests of all heads."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facequal.models import heads
from facequal.models.heads import MarginHead
from tests.models.heads.reference_heads import dense_logits

NAMES = [name for name in heads.__all__ if name not in ("HeadOutput", "MarginHead")]
BATCH, DIM, CLASSES = 6, 5, 7


class Batch(NamedTuple):
    embedding: Tensor
    norm: Tensor
    labels: Tensor


def make_batch(dtype: torch.dtype = torch.float64, requires_grad: bool = False) -> Batch:
    """Unit embeddings, two of them near the class weights that `make_head` draws, norms from 5 to 40."""
    generator = torch.Generator().manual_seed(0)
    embedding = F.normalize(torch.randn(BATCH, DIM, generator=generator, dtype=torch.float64))
    norm = 5 + 35 * torch.rand(BATCH, 1, generator=generator, dtype=torch.float64)
    labels = torch.tensor([0, 6, 3, 3, 1, 5])
    batch = Batch(embedding.to(dtype), norm.to(dtype), labels)
    if requires_grad:
        batch.embedding.requires_grad_()
        batch.norm.requires_grad_()
    return batch


def make_head(name: str, dtype: torch.dtype = torch.float64) -> MarginHead:
    torch.manual_seed(1)
    head: MarginHead = getattr(heads, name)(DIM, CLASSES).to(dtype).eval()
    nn.init.normal_(head.weight)
    if name == "CurricularFaceHead":
        head.get_buffer("t").fill_(0.3)
    if name == "AdaFaceHead":
        head.get_buffer("batch_mean").fill_(22.0)
        head.get_buffer("batch_std").fill_(6.0)
    return head


def reference(name: str, batch: Batch, weight: Tensor) -> Tensor:
    return dense_logits(name, batch.embedding, batch.norm, batch.labels, weight, t=0.3, mean=22.0, std=6.0)
