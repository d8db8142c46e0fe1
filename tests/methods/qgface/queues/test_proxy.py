"""Keys that move with their class weights, against loops in float64."""

from os import environ
from shutil import which

import pytest
import torch
import torch.nn.functional as F

from facequal.methods.qgface.queues import ProxyUpdatedQueue
from facequal.methods.qgface.queues.proxy import _compiled
from tests.methods.qgface.queues.queue_cases import DIM, NUM_CLASSES, ListQueue, newest_first, random_batches


class TestProxyUpdate:
    @pytest.mark.parametrize("normalize", [True, False])
    def test_against_a_loop(self, normalize):
        """Embeddings that are not of unit length too: ||f|| is part of the equation."""
        queue, reference = ProxyUpdatedQueue(9, DIM, normalize_keys=normalize), ListQueue(9)
        for index, (embedding, labels, weight) in enumerate(random_batches(1, [4, 4, 4])):
            for each in (queue, reference):
                each.enqueue((0.5 + index) * embedding, labels, weight)
        later = torch.randn(NUM_CLASSES, DIM, generator=torch.Generator().manual_seed(2))
        keys, labels = newest_first(queue, *queue.keys(later))
        expected, expected_labels = reference.keys(later, normalize)
        assert torch.equal(labels, expected_labels)
        torch.testing.assert_close(keys, expected, atol=5e-6, rtol=5e-6)
        assert torch.allclose(keys.norm(dim=1), torch.ones(9)) == normalize

    def test_weights_that_stay_leave_the_features(self):
        embedding, labels, weight = random_batches(0, [5])[0]
        for normalize in (True, False):
            queue = ProxyUpdatedQueue(5, DIM, normalize_keys=normalize)
            queue.enqueue(embedding, labels, weight)
            torch.testing.assert_close(queue.keys(weight)[0], embedding, atol=1e-6, rtol=0)

    def test_nothing_adds_up(self):
        """Back and forth: what counts is where the weights are, not the way there."""
        embedding, labels, weight = random_batches(0, [5])[0]
        queue = ProxyUpdatedQueue(5, DIM)
        queue.enqueue(embedding, labels, weight)
        there = weight + 1
        first = queue.keys(there)[0].clone()
        for step in range(20):
            queue.keys(weight * step)
        assert torch.equal(queue.keys(there)[0], first)

    @pytest.mark.parametrize("rows", [1, 2, 3, 100])
    def test_chunks_change_nothing(self, rows, monkeypatch):
        embedding, labels, weight = random_batches(0, [5])[0]
        queue = ProxyUpdatedQueue(7, DIM)
        queue.enqueue(embedding, labels, weight)
        whole = queue.keys(weight + 1)[0].clone()
        monkeypatch.setattr("facequal.methods.qgface.queues.proxy._CPU_CHUNK_BYTES", rows * DIM * 4)
        assert queue._chunk_size() == rows
        assert torch.equal(queue.keys(weight + 1)[0], whole)

    def test_more_rows_than_a_chunk_of_the_cpu(self):
        dim, size = 2048, 300
        embedding, weight = torch.randn(2, size, dim).unbind()
        queue = ProxyUpdatedQueue(size, dim)
        assert queue._chunk_size() < size
        queue.enqueue(embedding, torch.arange(size), weight)
        torch.testing.assert_close(queue.keys(weight)[0], F.normalize(embedding), atol=1e-5, rtol=0)

    @pytest.mark.skipif(which(environ.get("CXX", "g++")) is None, reason="needs a C++ compiler")
    @pytest.mark.parametrize("normalize", [pytest.param(True, marks=pytest.mark.slow), False])  # it compiles
    def test_fused(self, normalize):
        """The same rows to rounding while the queue fills, when it is full and around its end."""
        _compiled.cache_clear()
        plain, fused = (ProxyUpdatedQueue(9, DIM, normalize, fused=fused) for fused in (False, True))
        for embedding, labels, weight in random_batches(1, [4, 4, 4, 20]):
            for queue in (plain, fused):
                queue.enqueue(embedding, labels, weight)
            keys, key_labels = fused.keys(weight + 1)
            assert torch.equal(key_labels, plain.keys(weight + 1)[1])
            torch.testing.assert_close(keys, plain.keys(weight + 1)[0], atol=1e-6, rtol=1e-5)
            assert keys.data_ptr() == fused.moved[fused.size - fused.num_filled :].data_ptr()
        assert _compiled.cache_info().currsize == 2

    def test_zero_class_weight(self):
        """||W_old|| is taken to be 1e-6: the class weight's new direction prevails, and nothing is NaN."""
        embedding, labels, weight = random_batches(0, [5])[0]
        queue = ProxyUpdatedQueue(5, DIM)
        queue.enqueue(embedding, labels, torch.zeros_like(weight))
        torch.testing.assert_close(queue.keys(torch.zeros_like(weight))[0], embedding, atol=1e-6, rtol=0)
        torch.testing.assert_close(queue.keys(weight)[0], F.normalize(weight)[labels], atol=1e-5, rtol=0)

    @pytest.mark.parametrize("normalize", [True, False])
    def test_zero_embedding(self, normalize):
        _, labels, weight = random_batches(0, [5])[0]
        queue = ProxyUpdatedQueue(5, DIM, normalize_keys=normalize)
        queue.enqueue(torch.zeros(5, DIM), labels, weight)
        assert torch.equal(queue.keys(weight + 1)[0], torch.zeros(5, DIM))
