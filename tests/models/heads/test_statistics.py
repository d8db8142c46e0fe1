"""The statistics of AdaFace (norms) and CurricularFace (t): when they move, where to, and from what."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor

from facequal.models.heads import AdaFaceHead, CosFaceHead, CurricularFaceHead
from facequal.models.heads.statistics import global_moments

DIM, CLASSES = 4, 5


def batch_of(norms: list[float], seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    embedding = F.normalize(torch.randn(len(norms), DIM, generator=generator))
    labels = torch.randint(0, CLASSES, (len(norms),), generator=generator)
    return embedding, torch.tensor(norms)[:, None], labels


NORMS = [[5.0, 9.0, 14.0, 300.0], [7.0, 8.0, 20.0], [0.0, 30.0], [12.0, 13.0, 11.0, 10.0, 9.0]]


@pytest.mark.parametrize("init_stats", ["published", "first_batch", "zero"])
def test_trace_of_norm_statistics(init_stats: Any) -> None:
    head = AdaFaceHead(DIM, CLASSES, init_stats=init_stats)
    mean, std = (0.0, 0.0) if init_stats == "zero" else (20.0, 100.0)
    for step, norms in enumerate(NORMS):
        output = head.loss(*batch_of(norms, seed=step))
        clipped = np.clip(np.array(norms), 0.001, 100)
        new = 1.0 if init_stats == "first_batch" and step == 0 else 0.01
        mean = new * clipped.mean() + (1 - new) * mean
        std = new * clipped.std(ddof=1) + (1 - new) * std
        assert head.batch_mean.item() == pytest.approx(mean, rel=1e-6)
        assert head.batch_std.item() == pytest.approx(std, rel=1e-6)
        assert head.num_updates.item() == step + 1
        # The margin uses the statistics that this batch has already entered.
        z = np.clip(0.333 * (clipped - mean) / (std + 1e-3), -1, 1)
        torch.testing.assert_close(output.margin, margin_taken(head, norms, step, z))


def margin_taken(head: AdaFaceHead, norms: list[float], seed: int, z: np.ndarray) -> Tensor:
    embedding, _, labels = batch_of(norms, seed)
    cosine = (embedding * F.normalize(head.weight.detach())[labels]).sum(1).numpy().astype(np.float64)
    angle = np.clip(np.arccos(cosine) - 0.4 * z, 1e-3, np.pi - 1e-3)
    taken = cosine - (np.cos(angle) - (0.4 + 0.4 * z))
    return torch.from_numpy(taken).float()


def test_ema_decay_is_the_weight_of_the_old_value() -> None:
    head = AdaFaceHead(DIM, CLASSES, ema_decay=0.75)
    head.loss(*batch_of([10.0, 14.0]))
    assert head.batch_mean.item() == pytest.approx(0.75 * 20 + 0.25 * 12)
    head = AdaFaceHead(DIM, CLASSES, ema_decay=0.0)
    head.loss(*batch_of([10.0, 14.0]))
    assert head.batch_std.item() == pytest.approx(8**0.5)


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


@pytest.mark.parametrize("norms", [[17.0], [12.0, float("nan")], []])
def test_unusable_batches_leave_statistics(norms: list[float]) -> None:
    for init_stats in ("published", "first_batch"):
        head = AdaFaceHead(DIM, CLASSES, init_stats=init_stats)
        output = head.loss(*batch_of(norms))
        assert (head.batch_mean.item(), head.batch_std.item(), head.num_updates.item()) == (20.0, 100.0, 0)
        if norms == [17.0]:
            assert output.per_sample_loss.isfinite().all()
    head.loss(*batch_of([10.0, 14.0]))
    assert head.batch_mean.item() == pytest.approx(12.0)


def test_statistics_are_updated_in_place_and_saved() -> None:
    head = AdaFaceHead(DIM, CLASSES)
    address = head.batch_mean.data_ptr()
    head.loss(*batch_of([10.0, 14.0]))
    assert head.batch_mean.data_ptr() == address
    assert set(head.state_dict()) == {"weight", "batch_mean", "batch_std", "num_updates"}
    other = AdaFaceHead(DIM, CLASSES, init_stats="first_batch")
    other.load_state_dict(head.state_dict())
    other.loss(*batch_of([10.0, 14.0]))  # not its first batch any more
    assert other.batch_mean.item() == pytest.approx(0.99 * head.batch_mean.item() + 0.01 * 12)


def test_h_zero_is_cosface() -> None:
    torch.manual_seed(0)
    adaface = AdaFaceHead(DIM, CLASSES, h=0.0)
    torch.manual_seed(0)
    cosface = CosFaceHead(DIM, CLASSES, m=0.4)
    batch = batch_of([3.0, 50.0, 20.0])
    torch.testing.assert_close(adaface(*batch), cosface(*batch))


def test_image_quality_of_norms() -> None:
    head = AdaFaceHead(DIM, CLASSES)
    head.batch_mean.fill_(10.0)
    head.batch_std.fill_(2.0)
    z = head.image_quality(torch.tensor([[10.0], [12.0], [1e9], [0.0]]))
    assert z.ravel().tolist() == pytest.approx([0.0, 0.333 * 2 / 2.001, 1.0, -1.0])
    assert head.num_updates.item() == 0


def test_given_quality_replaces_the_norm() -> None:
    torch.manual_seed(0)
    head = AdaFaceHead(DIM, CLASSES, quality="given", init_stats="first_batch")
    embedding, norm, labels = batch_of([10.0, 14.0, 9.0])
    scores = torch.tensor([-3.0, 250.0, 8.0])  # not clipped: only norms are
    output = head.loss(embedding, norm, labels, quality=scores)
    assert head.batch_mean.item() == pytest.approx(scores.mean().item())
    assert head.batch_std.item() == pytest.approx(scores.std().item())
    same = head.eval().loss(embedding, 2 * norm, labels, quality=scores[:, None])
    assert torch.equal(output.per_sample_loss, same.per_sample_loss)
    with pytest.raises(ValueError, match=r"AdaFaceHead\(quality='given'\) got no quality"):
        head.loss(embedding, norm, labels)
    with pytest.raises(ValueError, match=r"AdaFaceHead\(quality='norm'\) got a quality"):
        AdaFaceHead(DIM, CLASSES).loss(embedding, norm, labels, scores)


def test_probability_as_quality() -> None:
    head = AdaFaceHead(DIM, CLASSES, s=8.0, quality="probability", init_stats="first_batch")
    embedding, norm, labels = batch_of([10.0, 14.0, 9.0])
    head.loss(embedding.requires_grad_(), norm, labels).per_sample_loss.sum().backward()
    cosine = embedding @ F.normalize(head.weight).T
    probability = torch.softmax(8 * cosine, 1)[torch.arange(3), labels]
    assert head.batch_mean.item() == pytest.approx(probability.mean().item(), rel=1e-5)
    assert head.batch_std.item() == pytest.approx(probability.std().item(), rel=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ema_decay": 1.0}, r"ema_decay must be in \[0, 1\), got 1\.0"),
        ({"init_stats": "one"}, r"init_stats must be one of \('published', 'first_batch', 'zero'\), got 'one'"),
        ({"quality": "brisque"}, r"quality must be one of \('norm', 'probability', 'given'\), got 'brisque'"),
        ({"quality": "given"}, r"quality='given' needs init_stats='first_batch' or 'zero'"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AdaFaceHead(DIM, CLASSES, **arguments)


def test_trace_of_t() -> None:
    head = CurricularFaceHead(DIM, CLASSES)
    t = 0.0
    for step, norms in enumerate(NORMS):
        embedding, norm, labels = batch_of(norms, seed=step)
        head.loss(embedding, norm, labels)
        cosine = (embedding * F.normalize(head.weight.detach())[labels]).sum(1)
        t = 0.01 * cosine.mean().item() + 0.99 * t
        assert head.t.item() == pytest.approx(t, abs=1e-7)


def test_moments_of_large_values_keep_their_deviation() -> None:
    # float32 sums of squares would lose the deviation: 1e4 ** 2 has no digits left for it.
    values = 10_000 + torch.tensor([-0.5, 0.0, 0.25, 1.0])
    count, mean, std = global_moments(values)
    assert count.item() == 4
    assert mean.item() == pytest.approx(values.double().mean().item())
    assert std.item() == pytest.approx(values.double().std().item(), rel=1e-5)


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
