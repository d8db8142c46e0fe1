import pytest

from facequal.procedural.beard import beard_map, has_beard
from facequal.procedural.identities import Identity
from tests.procedural.planes import face_map, person_with


def bearded(style: float, is_male: bool = True) -> Identity:
    person = person_with()
    return Identity(**{**vars(person), "is_male": is_male, "beard_style": style})


@pytest.mark.parametrize(
    ("is_male", "style", "expected"), [(True, 0.44, False), (True, 0.46, True), (False, 0.9, False)]
)
def test_who_has_a_beard(is_male: bool, style: float, expected: bool) -> None:
    assert has_beard(bearded(style, is_male)) is expected


def test_styles_grow_from_the_lip_to_the_cheeks() -> None:
    u, v = face_map()
    moustache, goatee, full, stubble = (beard_map(bearded(style), u, v) for style in (0.5, 0.6, 0.7, 0.9))
    assert 0 < moustache.sum() < goatee.sum() < full.sum()
    assert stubble.max() < full.max() <= 1
    mouth_v = person_with().traits["mouth_v"]
    upper_lip, chin, cheek = ((v.flatten() - at).abs().argmin() for at in (mouth_v - 0.085, mouth_v + 0.17, 0.75))
    middle, side = (u.flatten().abs().argmin(), (u.flatten() - 0.45).abs().argmin())
    assert moustache[upper_lip, middle] > 0.5
    assert (float(moustache[chin, middle]), goatee[chin, middle] > 0.5) == (0.0, True)
    assert (float(goatee[cheek, side]), full[cheek, side] > 0.3) == (0.0, True)
    assert full[v.flatten() < 0.2].max() == 0  # nothing above the mouth's height
