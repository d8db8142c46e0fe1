import torch

from facequal.procedural.relief import SKULL_TOP_V, ears, outline, slopes
from tests.procedural.planes import face_map, person_with


def test_a_head_is_as_wide_and_as_long_as_its_traits_say() -> None:
    person, (u, v) = person_with(head_width=0.7, chin_v=0.95), face_map(441)
    inside = outline(person, u, v) > 0
    rows, columns = inside.any(dim=1), inside.any(dim=0)
    assert abs(float(u.flatten()[columns].max()) - 0.7) < 0.02
    assert abs(float(v.flatten()[rows].max()) - 0.95) < 0.02
    assert abs(float(v.flatten()[rows].min()) - SKULL_TOP_V) < 0.02
    assert torch.equal(inside, inside.flip(1))


def test_ears_lie_beside_the_head() -> None:
    person, (u, v) = person_with(), face_map(221)
    ear = ears(person, u, v) > 0
    beyond = ear & (outline(person, u, v) <= 0)
    assert beyond.any()
    assert u.expand_as(ear)[ear].abs().min() > 0.5 * person.traits["head_width"]
    assert v.expand_as(ear)[ear].abs().max() < 0.3


def test_slopes_are_the_gradient_of_a_symmetric_face() -> None:
    person, (u, v) = person_with(), face_map(221)
    across, down = slopes(person, u, v)
    torch.testing.assert_close(across, -across.flip(1), atol=2e-4, rtol=0)
    torch.testing.assert_close(down, down.flip(1), atol=2e-4, rtol=0)
    tip = (v.flatten() - person.traits["nose_v"] - 0.06).abs().argmin()
    middle = u.flatten().abs().argmin()
    assert down[tip, middle] < -0.5  # below its tip the nose falls steeply
    assert across[tip - 12, middle + 8] < 0 < across[tip - 12, middle - 8]  # and to both sides of its ridge
