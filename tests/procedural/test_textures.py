import pytest
import torch

from facequal.procedural.textures import GRAIN_SIZE, HAIR_HEIGHT, HAIR_WIDTH, grain, hair_texture


def test_hair_is_long_and_curls_wind() -> None:
    texture = hair_texture()[0, 0]
    assert texture.shape == (2 * HAIR_HEIGHT, HAIR_WIDTH)
    assert texture.abs().max() <= 2.5
    straight, curls = texture[:HAIR_HEIGHT], texture[HAIR_HEIGHT:]
    for part in (straight, curls):
        assert abs(float(part.mean())) < 0.05
        assert float(part.std()) == pytest.approx(1, abs=0.1)
    along, across = straight.diff(dim=0).abs().mean(), straight.diff(dim=1).abs().mean()
    assert along < 0.3 * across
    assert curls.diff(dim=0).abs().mean() > 2 * along


@pytest.mark.parametrize(("top", "left"), [(0.0, 0.0), (0.3, 0.99)])
def test_grain_is_white_and_repeats(top: float, left: float) -> None:
    noise = grain(top, left, GRAIN_SIZE)
    assert abs(float(noise.mean())) < 1e-4
    assert float(noise.std()) == pytest.approx(1, abs=1e-3)
    assert abs(float((noise[1:] * noise[:-1]).mean())) < 0.03
    large = grain(top, left, 2 * GRAIN_SIZE + 5)
    assert torch.equal(large[:GRAIN_SIZE, :GRAIN_SIZE], noise)
    assert torch.equal(large[GRAIN_SIZE : 2 * GRAIN_SIZE], large[:GRAIN_SIZE])
