import pytest
import torch

from facequal.procedural.drawing import bell, bells, cover, over, planes, ramp


def test_cover_is_half_at_the_edge() -> None:
    inside = torch.tensor([-1.0, -0.05, 0.0, 0.025, 0.05, 1.0])
    assert cover(inside, 0.1).tolist() == pytest.approx([0, 0, 0.5, 0.75, 1, 1])
    assert cover(inside, torch.full((6,), 0.1)).tolist() == pytest.approx([0, 0, 0.5, 0.75, 1, 1])


def test_paint_covers_by_its_share() -> None:
    picture = torch.zeros(3, 2, 4, 4)
    alpha = torch.tensor([0.0, 1.0]).view(2, 1, 1)
    over(picture, planes(torch.tensor([0.2, 0.4, 0.6])), alpha)
    assert picture[:, 0].abs().max() == 0
    assert picture[:, 1].mean(dim=(1, 2)).tolist() == pytest.approx([0.2, 0.4, 0.6])
    over(picture, planes(torch.ones(3)), torch.full((2, 1, 1), 0.5))
    assert picture[0].mean(dim=(1, 2)).tolist() == pytest.approx([0.5, 0.6])


def test_bell_is_close_to_a_gaussian() -> None:
    x = torch.linspace(-1, 1, 201)
    assert (bell(x, 0.1, 0.2) - torch.exp(-(((x - 0.1) / 0.2) ** 2))).abs().max() < 0.08
    assert bell(torch.tensor([0.1]), 0.1, 0.2).item() == 1.0
    assert bell(torch.tensor([0.51]), 0.1, 0.2).item() == 0.0


def test_bells_is_the_sum_of_its_rows() -> None:
    table = torch.tensor([[0.5, 0.1, 0.2, -0.3, 0.4], [-2.0, -0.2, 0.1, 0.3, 0.3]])
    u, v = torch.linspace(-1, 1, 7).view(1, -1), torch.linspace(-1, 1, 5).view(-1, 1)
    expected = sum(s * bell(u, cu, wu) * bell(v, cv, wv) for s, cu, wu, cv, wv in table.tolist())
    assert torch.allclose(bells(table, u, v), expected, atol=1e-6)


def test_ramp_rises_and_falls() -> None:
    x = torch.tensor([-1.0, 0.0, 0.25, 1.0, 2.0])
    assert ramp(x, 0.0, 1.0).tolist() == [0.0, 0.0, 0.25, 1.0, 1.0]
    assert ramp(x, 1.0, 0.0).tolist() == [1.0, 1.0, 0.75, 0.0, 0.0]
