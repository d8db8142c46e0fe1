"""Moments over the batches of all ranks, and the running statistics of heads that follow them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist

from facequal.models.heads import AdaFaceHead, CurricularFaceHead
from facequal.models.heads.statistics import global_moments, initial_moments, update_running_moments
from tests.models.heads.norm_batches import CLASSES, DIM, NORMS, batch_of


@pytest.mark.parametrize("head", [AdaFaceHead(DIM, CLASSES), CurricularFaceHead(DIM, CLASSES)])
def test_evaluation_leaves_statistics(head: AdaFaceHead | CurricularFaceHead) -> None:
    before = {name: buffer.clone() for name, buffer in head.named_buffers()}
    head.eval()
    head.loss(*batch_of([10.0, 14.0]))
    head(*batch_of([10.0, 14.0]))
    assert all(torch.equal(buffer, before[name]) for name, buffer in head.named_buffers())
    head.train()
    head(*batch_of([10.0, 14.0]))
    assert any(not torch.equal(buffer, before[name]) for name, buffer in head.named_buffers())


def test_moments_of_large_values_keep_their_deviation() -> None:
    # float32 sums of squares would lose the deviation: 1e4 ** 2 has no digits left for it.
    values = 10_000 + torch.tensor([-0.5, 0.0, 0.25, 1.0])
    count, mean, std = global_moments(values)
    assert count.item() == 4
    assert mean.item() == pytest.approx(values.double().mean().item())
    assert std.item() == pytest.approx(values.double().std().item(), rel=1e-5)


def test_empty_and_single_values() -> None:
    assert [value.item() for value in global_moments(torch.zeros(0))] == [0, 0, 0]
    assert [value.item() for value in global_moments(torch.tensor([7.0]))] == [1, 7, 0]


@pytest.mark.parametrize(("name", "moments"), [("published", (20, 100)), ("first_batch", (20, 100)), ("zero", (0, 0))])
def test_where_statistics_start(name: Any, moments: tuple[int, int]) -> None:
    mean, std = initial_moments(name)
    assert (mean.tolist(), std.tolist()) == ([moments[0]], [moments[1]])
    with pytest.raises(ValueError, match=r"init_stats must be one of \('published', .* got 'paper'"):
        initial_moments("paper")  # type: ignore[arg-type]


@pytest.mark.parametrize("scores", [[3.0], [], [1.0, float("inf")], [1.0, float("nan")]])
def test_batches_without_moments_change_nothing(scores: list[float]) -> None:
    mean, std, num = torch.tensor([20.0]), torch.tensor([100.0]), torch.tensor(4)
    update_running_moments(mean, std, num, torch.tensor(scores), ema_decay=0.5, from_first_batch=True)
    assert (mean.item(), std.item(), num.item()) == (20, 100, 4)


def test_the_first_batch_can_replace_what_was_there() -> None:
    mean, std, num = torch.tensor([20.0]), torch.tensor([100.0]), torch.tensor(0)
    for expected in ((12.0, 2**0.5 * 2), (12.0, 2**0.5 * 2)):
        update_running_moments(mean, std, num, torch.tensor([[10.0], [14.0]]), ema_decay=0.9, from_first_batch=True)
        assert (mean.item(), std.item()) == pytest.approx(expected)
    assert num.item() == 2


def run_rank(rank: int, folder: str) -> None:
    """Two steps on this rank's uneven share of each batch; the second leaves rank 1 without samples."""
    torch.set_num_threads(1)
    store = f"file://{folder}/store"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=2, timeout=timedelta(seconds=60))
    torch.manual_seed(0)
    adaface, curricular = AdaFaceHead(DIM, CLASSES, init_stats="first_batch"), CurricularFaceHead(DIM, CLASSES)
    outputs = []
    for step, split in ((0, 3), (3, 5), (1, 2)):
        share = slice(None, split) if rank == 0 else slice(split, None)
        embedding, norm, labels = (part[share] for part in batch_of(NORMS[step], seed=step))
        outputs.append(adaface.loss(embedding, norm, labels).per_sample_loss.detach())
        curricular.loss(embedding, norm, labels)
    torch.save([adaface.state_dict(), curricular.state_dict(), outputs], f"{folder}/rank{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.ddp
@pytest.mark.timeout(120)
def test_statistics_are_global_over_ranks(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(run_rank, args=(str(tmp_path),), nprocs=2)
    torch.manual_seed(0)
    adaface, curricular = AdaFaceHead(DIM, CLASSES, init_stats="first_batch"), CurricularFaceHead(DIM, CLASSES)
    outputs = []
    for step in (0, 3, 1):
        batch = batch_of(NORMS[step], seed=step)
        outputs.append(adaface.loss(*batch).per_sample_loss.detach())
        curricular.loss(*batch)
    ranks = [torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in range(2)]
    for name, buffer in (*adaface.named_buffers(), *curricular.named_buffers()):
        values = [{**rank[0], **rank[1]}[name] for rank in ranks]
        assert torch.equal(values[0], values[1]), name
        torch.testing.assert_close(values[0], buffer, rtol=1e-6, atol=1e-7)
    for step, losses in enumerate(outputs):
        torch.testing.assert_close(torch.cat([rank[2][step] for rank in ranks]), losses, rtol=1e-5, atol=1e-5)
