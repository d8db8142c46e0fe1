"""CurricularFace's head: its running mean t and its hard negatives."""

import pytest
import torch
import torch.nn.functional as F

from facequal.models import heads
from facequal.models.heads import CurricularFaceHead
from tests.models.heads.head_cases import BATCH, make_batch, make_head
from tests.models.heads.norm_batches import CLASSES, DIM, NORMS, batch_of


def test_trace_of_t() -> None:
    head = CurricularFaceHead(DIM, CLASSES)
    t = 0.0
    for step, norms in enumerate(NORMS):
        embedding, norm, labels = batch_of(norms, seed=step)
        head.loss(embedding, norm, labels)
        cosine = (embedding * F.normalize(head.weight.detach())[labels]).sum(1)
        t = 0.01 * cosine.mean().item() + 0.99 * t
        assert head.t.item() == pytest.approx(t, abs=1e-7)


def test_curricularface_compares_negatives_with_the_angle_beyond_pi() -> None:
    # theta_y = 3.0 > pi - m: the margined target falls to -1.23, but cos(3.0 + 0.5) = -0.94 decides which are hard.
    head = heads.CurricularFaceHead(2, 3).double().eval()
    head.t.fill_(0.3)
    angles = torch.tensor([3.0, 2.9, 2.7], dtype=torch.float64)
    with torch.no_grad():
        head.weight.copy_(torch.stack([angles.cos(), angles.sin()], 1))
    embedding = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    logits = head(embedding, torch.ones(1, 1, dtype=torch.float64), torch.tensor([0]))
    cosine = angles.cos()
    expected = [cosine[0] - 0.5 * torch.tensor(torch.pi - 0.5).sin(), cosine[1], cosine[2] * (0.3 + cosine[2])]
    torch.testing.assert_close(logits[0] / 64, torch.stack(expected))


def test_no_margin_is_left_at_scale_zero() -> None:
    head = make_head("CurricularFaceHead")
    head.margin_scale = 0.0
    torch.testing.assert_close(head.loss(*make_batch()).margin, torch.zeros(BATCH, dtype=torch.float64))


def test_the_decay_is_below_one() -> None:
    with pytest.raises(ValueError, match=r"ema_decay must be in \[0, 1\), got 1\.0"):
        CurricularFaceHead(DIM, CLASSES, ema_decay=1.0)
