"""What every head computes: agreement with dense float64 formulas, gradients, options, and errors."""

import pytest
import torch
import torch.nn.functional as F
from pytorch_metric_learning.losses import ArcFaceLoss, CosFaceLoss
from torch import Tensor, nn

from facequal.models import heads
from facequal.models.heads import ArcFaceHead, CosFaceHead, HeadOutput, MagFaceHead, MarginHead, SoftmaxHead
from tests.models.heads.head_cases import BATCH, CLASSES, DIM, NAMES, make_batch, make_head, reference
from tests.models.heads.reference_heads import dense_logits


@pytest.mark.parametrize("name", NAMES)
def test_logits_equal_dense_reference(name: str) -> None:
    head, batch = make_head(name), make_batch()
    torch.testing.assert_close(head(*batch), reference(name, batch, head.weight), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_loss_and_gradients_equal_dense_reference(name: str) -> None:
    head, batch = make_head(name), make_batch(requires_grad=True)
    weights = torch.arange(1.0, BATCH + 1, dtype=torch.float64)  # samples weigh differently, as behind a gate
    inputs = [batch.embedding, batch.norm, head.weight]
    output = head.loss(*batch)
    gradients = torch.autograd.grad((weights * output.per_sample_loss).sum(), inputs, allow_unused=True)
    logits = reference(name, batch, head.weight)
    losses = F.cross_entropy(logits, batch.labels, reduction="none")
    expected = torch.autograd.grad((weights * losses).sum(), inputs, allow_unused=True)
    torch.testing.assert_close(output.per_sample_loss, losses, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(output.target_probability, losses.neg().exp(), rtol=1e-9, atol=1e-12)
    plain = dense_logits("SoftmaxHead", *batch, head.weight) / 64
    taken = (plain - logits / head.s).gather(1, batch.labels[:, None]).squeeze(1)
    torch.testing.assert_close(output.margin, taken.detach())
    assert not output.target_probability.requires_grad
    assert not output.margin.requires_grad
    for gradient, wanted in zip(gradients, expected, strict=True):
        if wanted is None or gradient is None:
            assert name != "MagFaceHead"  # the one head whose margin carries a gradient to the norm
            assert wanted is gradient or not (wanted if gradient is None else gradient).any()
        else:
            torch.testing.assert_close(gradient, wanted, rtol=1e-7, atol=1e-8)


class LossOf(nn.Module):
    """The sum of what a method adds up, as a module, so that `functional_call` can replace the weight."""

    def __init__(self, head: MarginHead) -> None:
        super().__init__()
        self.head = head

    def forward(self, embedding: Tensor, norm: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        output = self.head.loss(embedding, norm, labels)
        return output.per_sample_loss, output.regulariser


@pytest.mark.parametrize("name", NAMES)
def test_gradcheck(name: str) -> None:
    head, batch = make_head(name), make_batch(requires_grad=True)
    batch.norm.requires_grad_(
        name == "MagFaceHead"
    )  # AdaFace depends on the norm too, but by design without a gradient
    head.s = 8.0  # at 64 the losses are so steep that finite differences are poor
    module = LossOf(head)

    def loss(embedding: Tensor, norm: Tensor, weight: Tensor) -> tuple[Tensor, ...]:
        arguments = (embedding, norm, batch.labels)
        losses, regulariser = torch.func.functional_call(module, {"head.weight": weight}, arguments)
        return losses, regulariser

    weight = head.weight.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(loss, (batch.embedding, batch.norm, weight))


@pytest.mark.parametrize(("head", "oracle"), [("CosFaceHead", CosFaceLoss), ("ArcFaceHead", ArcFaceLoss)])
def test_agreement_with_pytorch_metric_learning(head: str, oracle: type) -> None:
    own, batch = make_head(head), make_batch()
    margin = 0.35 if head == "CosFaceHead" else torch.rad2deg(torch.tensor(0.5, dtype=torch.float64)).item()
    theirs = oracle(CLASSES, DIM, margin=margin, scale=64).double()
    with torch.no_grad():
        theirs.W.copy_(own.weight.T)
    expected = theirs(batch.embedding, batch.labels)
    torch.testing.assert_close(own.loss(*batch).per_sample_loss.mean(), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "CurricularFaceHead"])
def test_margin_scale_zero_is_plain_softmax(name: str) -> None:
    head, batch = make_head(name), make_batch()
    head.margin_scale = 0.0
    expected = head.s / 64 * dense_logits("SoftmaxHead", *batch, head.weight)
    torch.testing.assert_close(head(*batch), expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(head.loss(*batch).margin, torch.zeros(BATCH, dtype=torch.float64))
    assert "margin_scale" not in head.state_dict()


def test_margin_scale_halves_the_margin() -> None:
    batch = make_batch()
    half, full = make_head("CosFaceHead"), make_head("CosFaceHead")
    half.margin_scale = 0.5
    torch.testing.assert_close(half.loss(*batch).margin, full.loss(*batch).margin / 2)
    magface = make_head("MagFaceHead")
    assert isinstance(magface, MagFaceHead)
    magface.margin_scale = 0.5
    easier = magface.loss(*batch).per_sample_loss
    magface.lower_m, magface.upper_m, magface.margin_scale = 0.225, 0.4, 1.0
    torch.testing.assert_close(easier, magface.loss(*batch).per_sample_loss)
    curricular = make_head("CurricularFaceHead")
    curricular.margin_scale = 0.0
    torch.testing.assert_close(curricular.loss(*batch).margin, torch.zeros(BATCH, dtype=torch.float64))


def test_magface_regulariser() -> None:
    head, batch = MagFaceHead(DIM, CLASSES, lambda_g=3.0), make_batch(requires_grad=True)
    regulariser = head.loss(*batch).regulariser
    a = batch.norm.detach().clamp(10, 110)
    assert regulariser.item() == pytest.approx(3 * (a / 110**2 + 1 / a).mean().item())
    regulariser.backward()
    assert batch.norm.grad is not None
    assert batch.norm.grad.any()


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


def test_options_reach_the_margin() -> None:
    batch = make_batch()
    head = ArcFaceHead(DIM, CLASSES, m=0.0, s=10.0).double()
    torch.testing.assert_close(head(*batch), dense_logits("SoftmaxHead", *batch, head.weight) * 10 / 64)
    assert CosFaceHead(DIM, CLASSES, m=0.1).double().loss(*batch).margin.tolist() == pytest.approx([0.1] * BATCH)
    torch.manual_seed(1)
    strict = MagFaceHead(DIM, CLASSES, easy_margin=False).double()
    torch.manual_seed(1)
    easy = MagFaceHead(DIM, CLASSES).double()
    assert (strict.loss(*batch).margin != easy.loss(*batch).margin).any()


def test_class_weights_start_as_unit_vectors() -> None:
    weight = SoftmaxHead(16, 1000).weight
    assert weight.shape == (1000, 16)
    torch.testing.assert_close(weight.norm(dim=1), torch.ones(1000))
    assert weight.mean().abs() < 0.01


@pytest.fixture(params=["loss", "forward"])
def call(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_bad_batches(call: str) -> None:
    head, batch = make_head("ArcFaceHead"), make_batch()
    run = getattr(head, call)
    with pytest.raises(ValueError, match=r"embedding must have shape \(B, 5\), got \(6, 4\)"):
        run(batch.embedding[:, :4], batch.norm, batch.labels)
    with pytest.raises(ValueError, match=r"norm must have shape \(6, 1\), got \(6,\)"):
        run(batch.embedding, batch.norm[:, 0], batch.labels)
    with pytest.raises(ValueError, match=r"labels must be int64 of shape \(6,\), got torch\.int32 \(6,\)"):
        run(batch.embedding, batch.norm, batch.labels.int())
    with pytest.raises(ValueError, match=r"labels must be in \[0, 7\), got 1 to 7"):
        run(batch.embedding, batch.norm, batch.labels.add(1))
    with pytest.raises(ValueError, match=r"labels must be in \[0, 7\), got -1 to 5"):
        run(batch.embedding, batch.norm, batch.labels.sub(1))
    with pytest.raises(ValueError, match="ArcFaceHead does not use a quality"):
        run(*batch, torch.zeros(6))
    with pytest.raises(ValueError, match=r"quality must have shape \(6,\) or \(6, 1\), got \(5,\)"):
        run(*batch, torch.zeros(5))


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("CosFaceHead", {"num_classes": 1}, "num_classes must be at least 2, got 1"),
        ("CosFaceHead", {"embedding_dim": 0}, "embedding_dim must be at least 1, got 0"),
        ("CosFaceHead", {"s": 0.0}, r"s must be positive, got 0\.0"),
        ("SphereFaceHead", {"m": 0.5}, r"at least 1, got 0\.5"),
        ("MagFaceHead", {"upper_norm": 5.0}, r"0 < lower_norm < upper_norm, got 10\.0 and 5\.0"),
        ("CurricularFaceHead", {"ema_decay": 1.0}, r"ema_decay must be in \[0, 1\), got 1\.0"),
    ],
)
def test_bad_arguments(name: str, arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        getattr(heads, name)(**{"embedding_dim": DIM, "num_classes": CLASSES, **arguments})


def test_output_names() -> None:
    assert HeadOutput._fields == (
        *("per_sample_loss", "target_probability", "margin", "regulariser"),
        "gradient_scaling",
    )
