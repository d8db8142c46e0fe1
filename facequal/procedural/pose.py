"""From pixels to points of the head: alignment, turn of the head, and the movement of brows and jaw."""

from dataclasses import dataclass

import torch
from torch import Tensor

from facequal.procedural.appearance import Look
from facequal.procedural.drawing import ONE, bell, ramp
from facequal.procedural.identities import Identity

# The five points of the 112-pixel alignment template of InsightFace: eyes, nose tip, corners of the mouth.
TEMPLATE_PX = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))
EYE_V = -0.079
_DEPTH = 0.62  # of the face from the plane of its edge, in half frames
_NOSE_DEPTH = 0.17


@dataclass(frozen=True)
class HeadFrame:
    """Where every pixel lies, (B, S, S) each, in half frames.

    Attributes:
        x: To the right of the head's middle, in the aligned picture.
        y: Downwards.
        u: On the head's surface, as seen from the front.
        v: Downwards on the surface.
        skin_v: v with the movement of brows and jaw undone, to look up the skin.
    """

    x: Tensor
    y: Tensor
    u: Tensor
    v: Tensor
    skin_v: Tensor


def head_frame(person: Identity, look: Look, size_px: int) -> HeadFrame:
    """Return the coordinates of all pixels of a block of images of one person.

    Args:
        person: Whose head.
        look: Pose and expression of each image.
        size_px: Height and width of the images.
    """
    axis = (torch.arange(size_px) + 0.5) * (2.0 / size_px) - 1.0
    real, imaginary, shift_x, shift_y = _alignment(person, look)
    norm = real * real + imaginary * imaginary
    column, row = axis - shift_x, axis.view(1, -1, 1) - shift_y
    x = column * (real / norm) + row * (imaginary / norm)
    y = row * (real / norm) - column * (imaginary / norm)
    u, v = _turned(x, y, person, look)
    return HeadFrame(x, y, u, v, _skin_v(u, v, person, look))


def _skin_v(u: Tensor, v: Tensor, person: Identity, look: Look) -> Tensor:
    """Return v with the movement of brows and jaw undone."""
    skin_v, size = v.clone(), v.shape[1]
    upper, lower = slice(0, int(0.55 * size)), slice(int(0.72 * size), size)  # the rows that can move
    lift = bell(v[:, upper], person.traits["brow_v"], 0.13)
    frown = bell(u[:, upper], 0.0, 0.22).mul_(-look["frown"]).add_(look["brow_raise"])
    skin_v[:, upper] += lift.mul_(frown)
    skin_v[:, lower] -= ramp(v[:, lower], 0.61, 0.75).mul_(look["mouth_open"].clamp(min=0.0) * 0.055)
    return skin_v


def _turned(x: Tensor, y: Tensor, person: Identity, look: Look) -> tuple[Tensor, Tensor]:
    """Return the surface coordinates u and v under yaw and pitch.

    An exact cylinder folds at the edge of the head. The depth here, a bell over the face with the nose on it, keeps u
    monotone in x: u = x (1 + .35 (1 - cos yaw)) - sin(yaw) (depth - mean depth).
    """
    depth = _depth(x, y, person)
    sin_yaw, sin_pitch = torch.sin(look["yaw"]), torch.sin(look["pitch"])
    mean_depth = 0.72 * _DEPTH
    u = torch.addcmul(mean_depth * sin_yaw, x, 1.35 - 0.35 * torch.cos(look["yaw"]))
    v = torch.addcmul(mean_depth * sin_pitch, y, 1.2 - 0.2 * torch.cos(look["pitch"]))
    return u.addcmul_(depth, sin_yaw, value=-1.0), v.addcmul_(depth, sin_pitch, value=-1.0)


def _depth(x: Tensor, y: Tensor, person: Identity) -> Tensor:
    """Return the depth of the surface at a point of the picture: a wide bell, and a small one for the nose."""
    traits = person.traits
    skull = torch.addcmul(ONE, x, x, value=-0.275 / traits["head_width"] ** 2)
    nose = torch.addcmul(ONE, x, x, value=-0.25 / 0.13**2)
    for bump, center, falloff in ((skull, 0.1, 0.07), (nose, traits["nose_v"] - 0.05, 0.25 / 0.17**2)):
        down = y - center
        bump.addcmul_(down, down, value=-falloff).relu_()
        bump.mul_(bump).mul_(bump)
    return skull.mul_(_DEPTH).add_(nose, alpha=_NOSE_DEPTH * traits["nose_height"])


def _alignment(person: Identity, look: Look) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the similarity from the head to the picture: least squares over five points, plus a detector's error.

    In complex numbers, picture = (real + i imaginary) head + shift; the four numbers are (B, 1, 1) each.
    """
    u, v = landmarks(person)
    x, y = u.repeat(len(look["yaw"]), 1, 1), v.repeat(len(look["yaw"]), 1, 1)
    for _ in range(2):  # fixed point of the turn: where the points of the frontal face are seen
        turned_u, turned_v = _turned(x, y, person, look)
        x, y = x + (u - turned_u), y + (v - turned_v)
    target_x, target_y = ((torch.tensor(TEMPLATE_PX) + 0.5) / 56.0 - 1.0).unbind(dim=1)
    center_x, center_y = x.mean(dim=2, keepdim=True), y.mean(dim=2, keepdim=True)
    dx, dy = x - center_x, y - center_y
    power = (dx * dx + dy * dy).sum(dim=2, keepdim=True)
    real = (dx * target_x + dy * target_y).sum(dim=2, keepdim=True) / power * (1.0 + look["scale_error"])
    imaginary = (dx * target_y - dy * target_x).sum(dim=2, keepdim=True) / power + look["roll_error"]
    shift_x = target_x.mean() - (real * center_x - imaginary * center_y) + look["shift_x"]
    shift_y = target_y.mean() - (real * center_y + imaginary * center_x) + look["shift_y"]
    return real, imaginary, shift_x, shift_y


def landmarks(person: Identity) -> tuple[Tensor, Tensor]:
    """Return eyes, nose tip and corners of the mouth of the frontal face: u and v, (5,) each."""
    t = person.traits
    u = torch.tensor([-t["eye_u"], t["eye_u"], 0.0, -t["mouth_width"], t["mouth_width"]])
    v = torch.tensor([EYE_V, EYE_V, t["nose_v"], t["mouth_v"], t["mouth_v"]])
    return u, v
