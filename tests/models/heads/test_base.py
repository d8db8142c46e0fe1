"""What every head computes: agreement with dense float64 formulas, gradients, options, and errors."""

import contextlib

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from facequal.models import heads
from facequal.models.heads import HeadOutput, MarginHead, SoftmaxHead
from tests.models.heads.head_cases import BATCH, CLASSES, DIM, NAMES, Batch, make_batch, make_head, reference
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


@pytest.mark.parametrize("name", [name for name in NAMES if name != "CurricularFaceHead"])
def test_margin_scale_zero_is_plain_softmax(name: str) -> None:
    head, batch = make_head(name), make_batch()
    head.margin_scale = 0.0
    expected = head.s / 64 * dense_logits("SoftmaxHead", *batch, head.weight)
    torch.testing.assert_close(head(*batch), expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(head.loss(*batch).margin, torch.zeros(BATCH, dtype=torch.float64))
    assert "margin_scale" not in head.state_dict()


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


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_loss_without_gradients(name: str, mode: type[contextlib.AbstractContextManager[None]]) -> None:
    head, batch = make_head(name), make_batch()
    expected = head.loss(*batch)
    with mode():
        output = head.loss(*batch)
    for value, wanted in zip(output[:-1], expected[:-1], strict=True):
        torch.testing.assert_close(value, wanted.detach())
    assert output.gradient_scaling.isnan().all()  # it is a derivative
    assert not expected.gradient_scaling.isnan().any()


@pytest.mark.parametrize("name", NAMES)
def test_backward_twice(name: str) -> None:
    head, batch = make_head(name), make_batch(requires_grad=True)
    loss = head.loss(*batch).per_sample_loss.sum()
    first = torch.autograd.grad(loss, head.weight, retain_graph=True)
    second = torch.autograd.grad(loss, head.weight)
    assert torch.equal(first[0], second[0])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_raised(name: str, dtype: torch.dtype) -> None:
    head, batch = make_head(name, torch.float32), make_batch(dtype)
    with torch.autocast("cpu", torch.bfloat16):
        output = head.loss(*batch)
    expected = head.loss(batch.embedding.float(), batch.norm.float(), batch.labels)
    assert all(value.dtype == torch.float32 for value in output)
    assert torch.equal(output.per_sample_loss, expected.per_sample_loss)
    assert head(*batch).dtype == torch.float32


@pytest.mark.parametrize("name", NAMES)
def test_statistics_stay_float32_in_a_half_precision_model(name: str) -> None:
    head = make_head(name, torch.float32).bfloat16()
    assert head.weight.dtype == torch.bfloat16
    assert all(buffer.dtype in (torch.float32, torch.int64) for buffer in head.buffers())
    assert head.loss(*make_batch(torch.bfloat16)).per_sample_loss.dtype == torch.float32


@pytest.mark.gpu
@pytest.mark.parametrize("name", NAMES)
def test_cuda_equals_cpu_without_waiting(name: str) -> None:
    head, batch = make_head(name, torch.float32).train(), make_batch(torch.float32)
    expected = head.loss(*batch)
    on_gpu = make_head(name, torch.float32).train().cuda()
    moved = Batch(*(part.cuda() for part in batch))
    output = on_gpu.loss(*moved)  # reads the labels of this first batch
    for value, wanted in zip(output, expected, strict=True):
        torch.testing.assert_close(value.cpu(), wanted, rtol=1e-5, atol=1e-5)
    torch.cuda.set_sync_debug_mode("error")
    try:
        on_gpu.loss(*moved).per_sample_loss.sum().backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("name", NAMES)
def test_float64_stays(name: str) -> None:
    head = make_head(name, torch.float32)
    assert all(value.dtype == torch.float64 for value in head.loss(*make_batch(torch.float64)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("training", [False, True])
def test_extreme_samples_stay_finite(name: str, training: bool) -> None:
    head = make_head(name, torch.float32).train(training)
    towards = F.normalize(head.weight.detach()[0], dim=0)
    embedding = torch.stack([towards, -towards, torch.zeros(DIM)]).requires_grad_()
    norm = torch.tensor([[0.0], [1e4], [1e-30]], requires_grad=True)
    output = head.loss(embedding, norm, torch.tensor([0, 0, 1]))
    (output.per_sample_loss.mean() + output.regulariser).backward()
    assert output.per_sample_loss.isfinite().all()
    assert embedding.grad is not None
    assert embedding.grad.isfinite().all()
    assert head.weight.grad is not None
    assert head.weight.grad.isfinite().all()
    assert all(buffer.isfinite().all() for buffer in head.buffers())


@pytest.mark.parametrize("name", NAMES)
def test_empty_batch(name: str) -> None:
    head = make_head(name, torch.float32).train()
    before = {key: value.clone() for key, value in head.state_dict().items()}
    labels = torch.zeros(0, dtype=torch.int64)
    output = head.loss(torch.zeros(0, DIM, requires_grad=True), torch.zeros(0, 1), labels)
    (output.per_sample_loss.sum() + output.regulariser).backward()
    assert output.per_sample_loss.shape == (0,)
    assert output.regulariser.item() == 0
    for key, value in head.state_dict().items():
        assert torch.equal(value, before[key]), key


@pytest.mark.parametrize("name", NAMES)
def test_target_column_only(name: str) -> None:
    head, batch = make_head(name), make_batch(requires_grad=True)
    with CountDenseAngles() as counted:
        head.loss(*batch).per_sample_loss.sum().backward()
    assert counted.dense == []


class CountDenseAngles(TorchDispatchMode):
    """Notes operations of margins on (B, C): in the target column they cost nothing, on all columns much."""

    def __init__(self) -> None:
        super().__init__()
        self.dense: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name in ("acos", "cos", "sin", "clamp") and result.shape == (BATCH, CLASSES):
            self.dense.append(name)
        return result
