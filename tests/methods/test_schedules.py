import math

import pytest
import torch

from facequal.methods.schedules import CosineSchedule, StepSchedule


def test_steps_equal_torch_multi_step() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    reference = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 5], gamma=0.1)
    schedule = StepSchedule([2, 5])
    for epoch in range(8):
        assert schedule(float(epoch), 0.0) == pytest.approx(reference.get_last_lr()[0])
        optimizer.step()
        reference.step()


def test_milestone_is_met_at_the_step_that_opens_the_epoch() -> None:
    steps_per_epoch = 7
    schedule = StepSchedule([3])
    factors = [schedule(step / steps_per_epoch, 0.0) for step in range(28)]
    assert factors == [1.0] * 21 + [0.1] * 7


def test_step_warmup() -> None:
    schedule = StepSchedule([4], warmup_epochs=2)
    assert [schedule(epoch, 0.0) for epoch in (0, 1, 2, 4)] == pytest.approx([0, 0.5, 1, 0.1])


def test_cosine() -> None:
    schedule = CosineSchedule(warmup=0.2, final=0.1)
    assert schedule(0, 0.0) == 0
    assert schedule(0, 0.1) == pytest.approx(0.5)
    assert schedule(0, 0.2) == pytest.approx(1)
    assert schedule(0, 0.6) == pytest.approx(0.55)
    assert schedule(0, 1.0) == pytest.approx(0.1)
    quarter = 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi / 4))
    assert schedule(0, 0.4) == pytest.approx(quarter)


def test_errors() -> None:
    with pytest.raises(ValueError, match="must increase"):
        StepSchedule([5, 2])
    with pytest.raises(ValueError, match=r"\[0, 1\), got 1"):
        CosineSchedule(warmup=1)
