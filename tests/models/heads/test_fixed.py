"""Heads whose margin is the same for every sample, against pytorch-metric-learning and each other."""

import pytest
import torch
from pytorch_metric_learning.losses import ArcFaceLoss, CosFaceLoss

from facequal.models.heads import ArcFaceHead, CosFaceHead, SphereFaceHead
from tests.models.heads.head_cases import BATCH, CLASSES, DIM, make_batch, make_head
from tests.models.heads.reference_heads import dense_logits


@pytest.mark.parametrize(("head", "oracle"), [("CosFaceHead", CosFaceLoss), ("ArcFaceHead", ArcFaceLoss)])
def test_agreement_with_pytorch_metric_learning(head: str, oracle: type) -> None:
    own, batch = make_head(head), make_batch()
    margin = 0.35 if head == "CosFaceHead" else torch.rad2deg(torch.tensor(0.5, dtype=torch.float64)).item()
    theirs = oracle(CLASSES, DIM, margin=margin, scale=64).double()
    with torch.no_grad():
        theirs.W.copy_(own.weight.T)
    expected = theirs(batch.embedding, batch.labels)
    torch.testing.assert_close(own.loss(*batch).per_sample_loss.mean(), expected, rtol=1e-6, atol=1e-6)


def test_margin_scale_halves_the_margin() -> None:
    batch = make_batch()
    half, full = make_head("CosFaceHead"), make_head("CosFaceHead")
    half.margin_scale = 0.5
    torch.testing.assert_close(half.loss(*batch).margin, full.loss(*batch).margin / 2)


def test_sphereface_ramps_from_factor_one() -> None:
    batch, half, other = make_batch(), make_head("SphereFaceHead"), SphereFaceHead(DIM, CLASSES, m=1.35).double()
    half.margin_scale = 0.5
    other.load_state_dict(half.state_dict())
    torch.testing.assert_close(half.loss(*batch).margin, other.loss(*batch).margin)


def test_options_reach_the_margin() -> None:
    batch = make_batch()
    head = ArcFaceHead(DIM, CLASSES, m=0.0, s=10.0).double()
    torch.testing.assert_close(head(*batch), dense_logits("SoftmaxHead", *batch, head.weight) * 10 / 64)
    assert CosFaceHead(DIM, CLASSES, m=0.1).double().loss(*batch).margin.tolist() == pytest.approx([0.1] * BATCH)


def test_sphereface_multiplies_by_at_least_one() -> None:
    with pytest.raises(ValueError, match=r"m multiplies the angle and must be at least 1, got 0\.5"):
        SphereFaceHead(DIM, CLASSES, m=0.5)
