"""The ring buffer of both queues against a list that is concatenated and cut; checkpoints, errors, two processes."""

import copy
import io
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from facequal.methods.qgface.queues import MomentumQueue, ProxyUpdatedQueue
from tests.methods.qgface.queues.queue_cases import (
    BOTH,
    DIM,
    NUM_CLASSES,
    ListQueue,
    assert_same_rows,
    filled_queue,
    random_batches,
)


class TestRing:
    @BOTH
    @pytest.mark.parametrize("size", [1, 2, 7, 16])
    def test_equals_a_list_that_is_cut(self, build, size):
        """Sizes of 0 to far more than the queue, each of which leaves the position somewhere else."""
        counts = torch.randint(0, 2 * size + 3, (60,), generator=torch.Generator().manual_seed(size)).tolist()
        queue, reference = build(size, DIM), ListQueue(size)
        for embedding, labels, weight in random_batches(size, counts):
            queue.enqueue(embedding, labels, weight)
            reference.enqueue(embedding, labels, weight)
            assert queue.num_filled == int(queue.filled) == len(reference.rows)
            if not reference.rows:
                continue
            if build is MomentumQueue:
                expected = torch.stack([f for f, _, _ in reference.rows]).float()
                assert_same_rows(queue, weight, (expected, torch.tensor([y for _, y, _ in reference.rows])))
            else:
                later = weight + torch.linspace(-1, 1, DIM)
                assert_same_rows(queue, later, reference.keys(later))

    @BOTH
    def test_nothing_is_allocated_anew(self, build):
        queue = build(7, DIM)
        memory = {name: (buffer.data_ptr(), buffer.shape) for name, buffer in queue.named_buffers()}
        for embedding, labels, weight in random_batches(0, [3, 20, 7, 1, 0, 5]):
            queue.enqueue(embedding, labels, weight)
            keys, _ = queue.keys(weight)
            assert keys.untyped_storage().data_ptr() in {address for address, _ in memory.values()}
        assert memory == {name: (buffer.data_ptr(), buffer.shape) for name, buffer in queue.named_buffers()}

    @BOTH
    def test_only_a_batch_is_written(self, build):
        queue = filled_queue(build, size=50, counts=(50,))
        before = {name: buffer.clone() for name, buffer in queue.named_buffers()}
        (new,) = random_batches(9, [4])
        queue.enqueue(*new)
        for name, buffer in queue.named_buffers():
            if buffer.ndim and name != "moved":
                changed = (buffer != before[name]).reshape(50, -1).any(1)
                assert int(changed.sum()) <= 4, name

    @BOTH
    def test_empty(self, build):
        weight = torch.randn(NUM_CLASSES, DIM)
        queue = build(4, DIM)
        queue.enqueue(torch.zeros(0, DIM), torch.zeros(0, dtype=torch.int64), weight)
        keys, labels = queue.keys(weight)
        assert keys.shape == (0, DIM)
        assert labels.shape == (0,)
        assert labels.dtype == torch.int64
        assert queue.num_filled == 0

    @BOTH
    def test_no_gradient_comes_or_goes(self, build):
        embedding, labels, weight = random_batches(0, [5])[0]
        embedding.requires_grad_()
        weight.requires_grad_()
        queue = build(7, DIM)
        queue.enqueue(embedding, labels, weight)
        keys, _ = queue.keys(weight)
        assert not keys.requires_grad
        assert not any(buffer.requires_grad for buffer in queue.buffers())
        (embedding @ keys.T).sum().backward()
        torch.testing.assert_close(embedding.grad, keys.sum(0).expand_as(embedding))
        assert weight.grad is None

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    @BOTH
    def test_half_precision_is_raised(self, build, dtype):
        embedding, labels, weight = random_batches(0, [5])[0]
        queue, reference = build(7, DIM), build(7, DIM)
        queue.enqueue(embedding.to(dtype), labels, weight.to(dtype))
        reference.enqueue(embedding.to(dtype).float(), labels, weight.to(dtype).float())
        keys, expected = queue.keys(weight.to(dtype))[0], reference.keys(weight.to(dtype).float())[0]
        assert keys.dtype == torch.float32
        assert torch.equal(keys, expected)
        assert all(buffer.dtype in (torch.float32, torch.int64) for buffer in queue.to(dtype).buffers())

    @BOTH
    def test_float64_stays(self, build):
        embedding, labels, weight = random_batches(0, [5])[0]
        queue = build(7, DIM).double()
        queue.enqueue(embedding.double(), labels, weight.double())
        keys = queue.keys(weight.double())[0]
        assert keys.dtype == torch.float64
        torch.testing.assert_close(keys, F.normalize(embedding.double()), atol=1e-7, rtol=0)

    @BOTH
    def test_keys_that_were_overwritten_are_no_wrong_gradient(self, build):
        embedding, labels, weight = random_batches(0, [7])[0]
        queue = build(7, DIM)
        queue.enqueue(embedding, labels, weight)
        anchors = embedding.clone().requires_grad_()
        similarity = (anchors @ queue.keys(weight)[0].T).sum()
        queue.enqueue(embedding, labels, weight)
        queue.keys(weight)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            similarity.backward()


class TestCheckpoint:
    @BOTH
    @pytest.mark.parametrize("counts", [(), (3,), (5, 5), (20,)], ids=["empty", "part", "wrapped", "larger"])
    def test_goes_on_bit_identically(self, build, counts):
        queue = filled_queue(build, counts=counts)
        file = io.BytesIO()
        torch.save(queue.state_dict(), file)
        file.seek(0)
        loaded = build(7, DIM)
        loaded.load_state_dict(torch.load(file, weights_only=True))
        assert loaded.num_filled == queue.num_filled
        for new in random_batches(5, [2, 3, 9, 1]):
            for each in (queue, loaded):
                each.enqueue(*new)
            assert all(torch.equal(a, b) for a, b in zip(queue.keys(new[2]), loaded.keys(new[2]), strict=True))
        assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in queue.state_dict().items())

    @BOTH
    def test_as_part_of_a_module(self, build):
        outer, other = (torch.nn.ModuleDict({"queue": build(7, DIM)}) for _ in range(2))
        outer["queue"].enqueue(*random_batches(0, [3])[0])
        other.load_state_dict(outer.state_dict())
        assert other["queue"].num_filled == 3

    def test_what_is_saved(self):
        assert set(ProxyUpdatedQueue(7, DIM).state_dict()) == {"labels", "filled", "position", "origin", "scale"}
        assert set(MomentumQueue(7, DIM).state_dict()) == {"labels", "filled", "position", "features"}

    @BOTH
    def test_another_size_does_not_load(self, build):
        with pytest.raises(RuntimeError, match="size mismatch"):
            build(8, DIM).load_state_dict(build(7, DIM).state_dict())

    @BOTH
    def test_copies_are_apart(self, build):
        queue = filled_queue(build)
        twin = copy.deepcopy(queue)
        new = random_batches(5, [2])[0]
        before = queue.keys(new[2])[0].clone()
        twin.enqueue(*new)
        assert torch.equal(queue.keys(new[2])[0], before)
        assert not torch.equal(twin.keys(new[2])[0], before)


class TestErrors:
    @BOTH
    @pytest.mark.parametrize(
        ("arguments", "match"),
        [((0, 4), "size must be at least 1, got 0"), ((4, 0), "embedding_dim must be at least 1, got 0")],
    )
    def test_sizes(self, build, arguments, match):
        with pytest.raises(ValueError, match=match):
            build(*arguments)

    @BOTH
    @pytest.mark.parametrize(
        ("change", "match"),
        [
            ({"embedding": torch.zeros(4, DIM + 1)}, r"embedding must be float of shape \(B, 6\), .* \(4, 7\)"),
            ({"embedding": torch.zeros(4)}, r"embedding must be float of shape"),
            ({"embedding": torch.zeros(4, DIM, dtype=torch.int64)}, "embedding must be float .* torch.int64"),
            ({"labels": torch.zeros(3, dtype=torch.int64)}, r"labels must be int64 of shape \(4,\), .* \(3,\)"),
            ({"labels": torch.zeros(4)}, "labels must be int64 .* torch.float32"),
            ({"labels": torch.tensor([0, 1, 11, 2])}, r"labels must be in \[0, 11\), got 0 to 11"),
            ({"labels": torch.tensor([0, 1, -1, 2])}, r"labels must be in \[0, 11\), got -1 to 2"),
            ({"weight": torch.zeros(NUM_CLASSES, 5)}, r"weight must have shape \(C, 6\), got \(11, 5\)"),
            ({"num_views": 3}, "num_views must be at least 1 and divide the batch of 4 rows, got 3"),
            ({"num_views": 0}, "num_views must be at least 1 .* got 0"),
        ],
    )
    def test_batch(self, build, change, match):
        queue = filled_queue(build, counts=(2,))
        before = copy.deepcopy(queue.state_dict())
        embedding, labels, weight = random_batches(0, [4])[0]
        with pytest.raises(ValueError, match=match):
            queue.enqueue(**{"embedding": embedding, "labels": labels, "weight": weight, **change})
        assert all(torch.equal(value, before[name]) for name, value in queue.state_dict().items())

    @BOTH
    def test_weight_of_keys(self, build):
        with pytest.raises(ValueError, match=r"weight must have shape \(C, 6\), got \(6, 11\)"):
            filled_queue(build).keys(torch.zeros(DIM, NUM_CLASSES))


def enqueue_in_process(rank: int, build: Any, size: int, rendezvous: Path, results: Any) -> None:
    """Every second image is this rank's, as torch's DistributedSampler deals them out."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=2)
    queue = build(size, DIM)
    for embedding, labels, weight in random_batches(7, [8, 8, 12, 4]):
        views = [view[rank::2] for view in embedding.chunk(2)], [view[rank::2] for view in labels.chunk(2)]
        queue.enqueue(torch.cat(views[0]), torch.cat(views[1]), weight, num_views=2)
    results[rank] = {name: value.tolist() for name, value in queue.state_dict().items()}
    torch.distributed.destroy_process_group()


@pytest.mark.ddp
@pytest.mark.parametrize(("build", "size"), [(ProxyUpdatedQueue, 50), (ProxyUpdatedQueue, 10), (MomentumQueue, 5)])
def test_two_processes_equal_one(build: Any, size: int, tmp_path: Path) -> None:
    """Of a queue that holds all batches, that cuts one in two, and that is smaller than a batch."""
    one = build(size, DIM)
    for embedding, labels, weight in random_batches(7, [8, 8, 12, 4]):
        one.enqueue(embedding, labels, weight, num_views=2)
    context = torch.multiprocessing.get_context("fork")
    with context.Manager() as manager:
        results = manager.dict()
        arguments = (build, size, tmp_path / "rendezvous", results)
        processes = [context.Process(target=enqueue_in_process, args=(rank, *arguments)) for rank in (0, 1)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
            assert process.exitcode == 0
        expected = {name: value.tolist() for name, value in one.state_dict().items()}
        assert results[0] == results[1] == expected
