"""From a person and the numbers of an image to pixels."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor

from facequal.procedural import eyes, glasses, mouth, scene
from facequal.procedural.appearance import Look, draw_appearances
from facequal.procedural.beard import beard_map, has_beard
from facequal.procedural.drawing import ONE, cover, over, planes
from facequal.procedural.hair import Hair, draw_hair
from facequal.procedural.identities import Identity, draw_identity
from facequal.procedural.light import develop, light_direction, light_skin
from facequal.procedural.pose import HeadFrame, head_frame
from facequal.procedural.relief import ears, outline, slopes
from facequal.procedural.skin import albedo, fold_line

RENDERER_VERSION = 5  # part of the cache's key: raise it with every change of the pixels
BLOCK_SIZE = 8  # images drawn at once: their planes of 400 KB at 112 pixels stay in a core's cache
MAP_EXTENT = 1.1  # half width of the map of a face, in half frames
MAP_SCALE = 1.15  # pixels of the map per pixel of the image


@contextmanager
def single_threaded() -> Iterator[None]:
    """Keep torch to one thread: operations that are split over threads may round differently."""
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(num_threads)


@torch.no_grad()
def render_identity(identity: int, num_images: int, size_px: int = 112, seed: int = 0) -> Tensor:
    """Render the images 0..num_images-1 of a person.

    The unit of work is a fixed block of `BLOCK_SIZE` consecutive images, always drawn as a whole, so that an image has
    the same bits however many are rendered, in whatever order, and in whatever process.

    Args:
        identity: Absolute number of the person.
        num_images: Number of images N.
        size_px: Height and width of the images.
        seed: Seed of the set; another seed gives other people.

    Returns:
        Images, uint8 RGB (N, 3, size_px, size_px).
    """
    with single_threaded():
        person = draw_identity(identity, seed)
        maps = _face_maps(person, size_px)
        looks = draw_appearances(identity, num_images, BLOCK_SIZE, seed)
        return torch.cat([_render_block(person, look, maps, size_px) for look in looks])[:num_images]


def _face_maps(person: Identity, size_px: int) -> Tensor:
    """Return what all images of a person share, as maps of the frontal face, (1, C, M, M).

    The C maps are the distance to the outline, two slopes, three colours, and the beard of those who have one.
    """
    size = round(MAP_SCALE * size_px)
    axis = ((torch.arange(size) + 0.5) * (2.0 / size) - 1.0) * MAP_EXTENT
    u, v = axis.view(1, -1), axis.view(-1, 1)
    ear = ears(person, u, v)
    head = torch.maximum(outline(person, u, v), ear)
    maps = [head[None], slopes(person, u, v), albedo(person, u, v, ear)]
    if has_beard(person):
        maps.append(beard_map(person, u, v)[None])
    return torch.cat(maps)[None]


def _render_block(person: Identity, look: Look, maps: Tensor, size_px: int) -> Tensor:
    """Return the images of one block, uint8 (BLOCK_SIZE, 3, S, S)."""
    pixel = 2.0 / size_px
    frame = head_frame(person, look, size_px)
    hair = draw_hair(frame, person, look, pixel)
    hair_color = planes(person.hair) * look["hair_tone"]
    picture = scene.draw_background(look, size_px)
    behind = hair.shade * (0.55 * look["ambient"] + 0.30 * look["key"])
    over(picture, hair_color * behind, hair.back)
    rows = _pixels(scene.TOP_Y, 1.0, size_px)
    scene.draw_body(picture[:, :, rows], frame.x[:, rows], frame.y[:, rows], person, look, pixel)
    _draw_face(picture, person, look, maps, frame, hair, pixel)
    _draw_glasses(picture, person, look, frame, pixel)
    _draw_front_hair(picture, look, frame, hair, hair_color)
    return develop(picture, look)


def _draw_face(
    picture: Tensor, person: Identity, look: Look, maps: Tensor, frame: HeadFrame, hair: Hair, pixel: float
) -> None:
    """Look up the skin, draw eyes and mouth into it, and light it."""
    size = frame.u.shape[-1]
    grid = torch.view_as_real(torch.complex(frame.u, frame.skin_v)).mul_(1.0 / MAP_EXTENT).view(1, -1, size, 2)
    sampled = F.grid_sample(maps, grid, mode="bilinear", padding_mode="border", align_corners=False)
    inside, slope, surface, beard = torch.split(sampled.view(-1, *frame.u.shape), [1, 2, 3, maps.shape[1] - 6])
    if len(beard):
        over(surface, planes(person.hair * 0.85 + 0.008), beard[0] * (0.25 + 0.75 * look["beard"]))
    shine = torch.zeros_like(frame.u)
    part = _window(mouth.FOLD_TOP_Y, mouth.FOLD_BOTTOM_Y, mouth.HALF_WIDTH, size)
    fold = fold_line(person, frame.u[part], frame.v[part])
    surface[:, *part].mul_(torch.addcmul(ONE, fold, look["smile"].clamp(min=0.0), value=-0.24))
    part = _window(mouth.TOP_Y, mouth.BOTTOM_Y, mouth.HALF_WIDTH, size)
    mouth.draw_mouth(surface[:, *part], shine[part], slope[1][part], frame.u[part], frame.v[part], person, look, pixel)
    part = _window(eyes.TOP_Y, eyes.BOTTOM_Y, eyes.HALF_WIDTH, size)
    is_skin = eyes.draw_eyes(surface[:, *part], shine[part], frame.u[part], frame.v[part], person, look, pixel)
    gleam = light_skin(surface, slope, hair.contact, look)
    gleam[part].mul_(is_skin)
    gleam.mul_(0.05 + 0.08 * person.traits["skin_gloss"]).addcmul_(shine, 0.6 * look["key"] + 0.25)
    over(picture, surface.add_(gleam), cover(inside[0], 1.4 * pixel))


def _draw_front_hair(picture: Tensor, look: Look, frame: HeadFrame, hair: Hair, hair_color: Tensor) -> None:
    """Draw the hair in front of the face, lit as a ball."""
    right, down, _ = light_direction(look)
    toward = torch.addcmul(0.14 * down, frame.u, 0.75 * right).addcmul_(frame.v, 0.55 * down).clamp_(-0.6, 0.9)
    lamp = torch.addcmul(look["ambient"] + 0.50 * look["key"], toward, 0.55 * look["key"]).mul_(hair.shade)
    gloss = hair.gloss * (0.10 * look["key"])
    lit, top = hair_color * lamp, slice(0, gloss.shape[1])
    lit[:, :, top].add_(gloss * (hair_color + 0.25))
    over(picture, lit, hair.front)


def _draw_glasses(picture: Tensor, person: Identity, look: Look, frame: HeadFrame, pixel: float) -> None:
    """Draw glasses in the images that show them."""
    wears = glasses.worn(person, look)
    if not bool(wears.any()):
        return
    rows = _pixels(glasses.TOP_Y, glasses.BOTTOM_Y, picture.shape[-1])
    part = picture[:, wears, rows]
    glasses.draw_glasses(part, frame.u[wears, rows], frame.v[wears, rows], person, look["light_side"][wears], pixel)
    picture[:, wears, rows] = part


def _window(top: float, bottom: float, half_width: float, size: int) -> tuple[slice, slice, slice]:
    """Return the index of a part of all images of a block, by its edges in half frames."""
    return slice(None), _pixels(top, bottom, size), _pixels(-half_width, half_width, size)


def _pixels(low: float, high: float, size: int) -> slice:
    """Return the rows, or columns, of pixels between two coordinates in half frames."""
    return slice(max(int((low + 1.0) * size / 2.0), 0), min(int((high + 1.0) * size / 2.0) + 1, size))
