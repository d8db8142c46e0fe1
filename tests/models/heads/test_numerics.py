"""Heads beyond plain float32 training: dtypes, no gradients, extreme samples, empty batches, cost of a margin."""

import contextlib

import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from tests.models.heads.head_cases import BATCH, CLASSES, DIM, NAMES, Batch, make_batch, make_head


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
