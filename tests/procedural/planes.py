"""What the tests of the drawings share: numbers of images, and the planes that are drawn on."""

from typing import NamedTuple

import torch
from torch import Tensor

from facequal.procedural.appearance import Look, draw_appearances
from facequal.procedural.identities import Identity, draw_identity

SIZE_PX = 40
BLOCK = 4


def look_of(identity: int, num_images: int = BLOCK) -> Look:
    """The numbers of a block of images."""
    return next(draw_appearances(identity, num_images, num_images, 0))


def person_with(number: int = 0, **traits: float) -> Identity:
    """A person some of whose traits are set."""
    person = draw_identity(number, 0)
    person.traits.update(traits)
    return person


class Map(NamedTuple):
    """Coordinates of a map of the face: u (1, M) to the right, v (M, 1) downwards."""

    u: Tensor
    v: Tensor


def face_map(size: int = 81) -> Map:
    axis = torch.linspace(-1.1, 1.1, size)
    return Map(axis.view(1, -1), axis.view(-1, 1))


def frontal(num_images: int = BLOCK, size: int = SIZE_PX) -> tuple[Tensor, Tensor]:
    """u and v (B, S, S) of faces that look straight ahead."""
    axis = (torch.arange(size) + 0.5) * (2.0 / size) - 1.0
    return axis.expand(num_images, size, size).clone(), axis.view(-1, 1).expand(num_images, size, size).clone()
