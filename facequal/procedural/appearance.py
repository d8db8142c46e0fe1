"""What one image of a person looks like: pose, expression, light, camera, background and hair of the day."""

from collections.abc import Iterator

import torch
from torch import Tensor

from facequal.degradations.draws import Keys

MAX_IMAGES = 65_536
SCENE_CELLS = 5

Look = dict[str, Tensor]
"""The numbers of a block of images, by name."""

# name: (mean, standard deviation), near normal within 3.5 deviations; angles in radians, lengths in half frames
NEAR_NORMAL: dict[str, tuple[float, float]] = {
    "yaw": (0.0, 0.17),
    "pitch": (0.0, 0.08),
    "roll_error": (0.0, 0.025),
    "scale_error": (0.0, 0.022),
    "shift_x": (0.0, 0.012),
    "shift_y": (0.0, 0.012),
    "brow_raise": (0.0, 0.014),
    "frown": (-0.004, 0.010),
    "gaze_x": (0.0, 0.014),
    "gaze_y": (0.0, 0.006),
    "eyes_open": (1.0, 0.09),
    "pupil": (0.40, 0.05),
    "exposure": (1.0, 0.11),
    "warmth": (0.0, 0.045),
    "tint": (0.0, 0.012),
    "part": (0.0, 0.22),
    "hair_lean": (0.0, 0.01),
    "hair_volume": (0.0, 0.03),
    "hair_tone": (1.0, 0.08),
}
# name: (low, high)
UNIFORM: dict[str, tuple[float, float]] = {
    "smile": (-0.15, 1.15),
    "mouth_open": (-1.2, 1.0),
    "light_side": (-1.0, 1.0),
    "light_height": (0.05, 0.85),
    "key": (0.48, 1.02),
    "ambient": (0.38, 0.62),
    "key_warmth": (-0.07, 0.10),
    "grain": (0.002, 0.009),
    "restyle": (0.0, 1.0),
    "style": (0.0, 1.0),
    "texture_x": (0.0, 1.0),
    "texture_y": (0.0, 1.0),
    "wave": (0.0, 6.28),
    "glasses": (0.0, 1.0),
    "beard": (0.0, 1.0),
    "lipstick": (0.0, 1.0),
    "scene_tone": (0.0, 1.0),
    "scene_contrast": (0.15, 0.9),
    "scene_softness": (0.0, 1.0),
    "neckline": (0.0, 1.0),
}


def draw_appearances(identity: int, num_images: int, block_size: int, seed: int) -> Iterator[Look]:
    """Draw the numbers of the images 0..num_images-1 of a person, in blocks of equal size.

    Args:
        identity: Absolute number of the person.
        num_images: Number of images; the last block may go beyond it.
        block_size: Images per block B.
        seed: Seed of the set.

    Yields:
        For each block one tensor (B, 1, 1) for every name in `NEAR_NORMAL` and `UNIFORM`; `clothes` (4, B) and
        `scene` (3, B, SCENE_CELLS, SCENE_CELLS), uniform in [0, 1).

    Example:
        >>> first, second = draw_appearances(identity=7, num_images=6, block_size=4, seed=0)
        >>> first["yaw"].shape, first["scene"].shape
        (torch.Size([4, 1, 1]), torch.Size([3, 4, 5, 5]))
    """
    count = -(-num_images // block_size) * block_size
    sizes = [4 * len(NEAR_NORMAL), len(UNIFORM), 4, 3 * SCENE_CELLS**2]
    keys = Keys(identity * MAX_IMAGES + torch.arange(count), seed).fold("procedural appearance")
    normal, uniform, clothes, scene = torch.split(keys.uniform((sum(sizes),)).t(), sizes)
    first, second, third, fourth = normal.reshape(4, -1, count)
    normal = (first + second + third + fourth - 2.0) * 3.0**0.5  # one after the other: always the same rounding
    mean, sd = torch.tensor(list(NEAR_NORMAL.values())).t().unsqueeze(2)
    low, high = torch.tensor(list(UNIFORM.values())).t().unsqueeze(2)
    values = torch.cat([normal * sd + mean, uniform * (high - low) + low]).view(-1, count, 1, 1)
    scene = scene.reshape(3, SCENE_CELLS, SCENE_CELLS, count).permute(0, 3, 1, 2)
    for start in range(0, count, block_size):
        images = slice(start, start + block_size)
        look = dict(zip([*NEAR_NORMAL, *UNIFORM], values[:, images].unbind(), strict=True))
        yield {**look, "clothes": clothes[:, images], "scene": scene[:, images]}
