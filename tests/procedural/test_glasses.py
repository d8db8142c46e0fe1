import torch

from facequal.procedural.glasses import draw_glasses, worn
from facequal.procedural.identities import Identity
from facequal.procedural.pose import EYE_V
from tests.procedural.planes import BLOCK, frontal, look_of, person_with


def test_those_who_wear_glasses_do_so_in_most_images() -> None:
    look = look_of(0, 400)
    person = person_with()
    with_glasses, without = (Identity(**{**vars(person), "wears_glasses": wears}) for wears in (True, False))
    assert 0.72 < worn(with_glasses, look).float().mean() < 0.88
    assert not worn(without, look).any()


def test_the_frame_is_dark_around_the_eyes_and_the_lens_is_clear() -> None:
    person, (u, v) = person_with(), frontal(size=80)
    picture = torch.full((3, BLOCK, 80, 80), 0.5)
    draw_glasses(picture, u, v, person, torch.zeros(BLOCK, 1, 1), 2.0 / 80)
    darkened = picture.mean(dim=0) < 0.25
    assert darkened.flatten(1).any(dim=1).all()
    assert not darkened[(v - EYE_V).abs() > 0.3].any()
    eye = ((u.abs() - person.traits["eye_u"]).abs() < 0.05) & ((v - EYE_V).abs() < 0.05)
    assert not darkened[eye].any()
    assert (darkened != darkened.flip(2)).float().mean() < 0.01  # both sides alike, but for the reflection
