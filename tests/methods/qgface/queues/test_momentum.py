"""MoCo's queue: keys are what was put in."""

import torch

from facequal.methods.qgface.queues import MomentumQueue
from tests.methods.qgface.queues.queue_cases import DIM, newest_first, random_batches


def test_keys_do_not_follow_the_class_weights() -> None:
    queue = MomentumQueue(7, DIM)
    (first, labels, weight), (second, more, _) = random_batches(0, [4, 5])
    queue.enqueue(first, labels, weight)
    queue.enqueue(second, more, weight)
    keys, key_labels = newest_first(queue, *queue.keys(weight + 1))
    assert torch.equal(keys, torch.cat((second, first))[:7])
    assert torch.equal(key_labels, torch.cat((more, labels))[:7])


def test_keys_are_no_copy() -> None:
    queue = MomentumQueue(7, DIM)
    embedding, labels, weight = random_batches(0, [7])[0]
    queue.enqueue(embedding, labels, weight)
    assert queue.keys(weight)[0].data_ptr() == queue.features.data_ptr()
