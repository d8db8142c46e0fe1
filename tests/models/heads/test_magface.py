"""MagFace's head: its margin by the norm and its regulariser."""

import pytest
import torch
import torch.nn.functional as F

from facequal.models.heads import MagFaceHead
from tests.models.heads.head_cases import CLASSES, DIM, make_batch, make_head


def test_magface_regulariser() -> None:
    head, batch = MagFaceHead(DIM, CLASSES, lambda_g=3.0), make_batch(requires_grad=True)
    regulariser = head.loss(*batch).regulariser
    a = batch.norm.detach().clamp(10, 110)
    assert regulariser.item() == pytest.approx(3 * (a / 110**2 + 1 / a).mean().item())
    regulariser.backward()
    assert batch.norm.grad is not None
    assert batch.norm.grad.any()


def test_margin_scale_shrinks_the_margins_of_both_ends() -> None:
    batch, head = make_batch(), make_head("MagFaceHead")
    assert isinstance(head, MagFaceHead)
    head.margin_scale = 0.5
    easier = head.loss(*batch).per_sample_loss
    head.lower_m, head.upper_m, head.margin_scale = 0.225, 0.4, 1.0
    torch.testing.assert_close(easier, head.loss(*batch).per_sample_loss)


def test_the_easy_margin_spares_obtuse_angles() -> None:
    batch = make_batch()
    torch.manual_seed(1)
    strict = MagFaceHead(DIM, CLASSES, easy_margin=False).double()
    torch.manual_seed(1)
    easy = MagFaceHead(DIM, CLASSES).double()
    cosine = (batch.embedding * F.normalize(easy.weight)[batch.labels]).sum(1)
    assert (cosine < 0).any()
    assert (easy.loss(*batch).margin[cosine < 0] == 0).all()
    assert (strict.loss(*batch).margin > 0).all()


def test_norms_in_order() -> None:
    with pytest.raises(ValueError, match=r"0 < lower_norm < upper_norm, got 10\.0 and 5\.0"):
        MagFaceHead(DIM, CLASSES, upper_norm=5.0)
