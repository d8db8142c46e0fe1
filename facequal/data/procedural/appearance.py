"""What one image of a person looks like: pose, expression, light, camera, background and hair of the day."""

import torch
from torch import Tensor

from facequal.degradations.random import Keys

MAX_IMAGES = 65_536
SCENE_CELLS = 5

Look = dict[str, Tensor]  # the numbers of a block of images, by name

# name: (mean, standard deviation), near normal within 3.5 deviations; angles in radians, lengths in half frames
NEAR_NORMAL: dict[str, tuple[float, float]] = {
    "yaw": (0.0, 0.17),
    "pitch": (0.0, 0.08),
    "roll_error": (0.0, 0.025),
    "scale_error": (0.0, 0.022),
    "shift_x": (0.0, 0.012),
    "shift_y": (0.0, 0.012),
    "brow_raise": (0.0, 0.016),
    "frown": (-0.004, 0.010),
    "gaze_x": (0.0, 0.014),
    "gaze_y": (0.0, 0.006),
    "eyes_open": (1.0, 0.10),
    "pupil": (0.40, 0.05),
    "exposure": (1.0, 0.16),
    "warmth": (0.0, 0.055),
    "tint": (0.0, 0.012),
    "part": (0.0, 0.22),
    "hair_lean": (0.0, 0.01),
    "hair_volume": (0.0, 0.03),
    "hair_tone": (1.0, 0.10),
}
# name: (low, high)
UNIFORM: dict[str, tuple[float, float]] = {
    "smile": (-0.15, 1.15),
    "mouth_open": (-1.2, 1.0),
    "light_side": (-1.0, 1.0),
    "light_height": (0.05, 0.85),
    "key": (0.45, 1.05),
    "ambient": (0.38, 0.62),
    "key_warmth": (-0.07, 0.10),
    "grain": (0.003, 0.012),
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


def draw_appearance(identity: int, first_image: int, num_images: int, seed: int) -> Look:
    """Draw the numbers of some consecutive images of a person.

    Args:
        identity: absolute number of the person.
        first_image: number of the first image.
        num_images: number of images B.
        seed: seed of the set.

    Returns:
        One tensor (B, 1, 1) for every name in `NEAR_NORMAL` and `UNIFORM`; ``scene`` (3, B, SCENE_CELLS, SCENE_CELLS)
        and ``clothes`` (4, B), uniform in [0, 1).
    """
    index = identity * MAX_IMAGES + torch.arange(first_image, first_image + num_images)
    sizes = [4 * len(NEAR_NORMAL), len(UNIFORM), 4, 3 * SCENE_CELLS**2]
    draws = Keys(index, seed).fold("procedural appearance").uniform((sum(sizes),)).t().contiguous()
    normal, uniform, clothes, scene = torch.split(draws, sizes)
    first, second, third, fourth = normal.view(4, -1, num_images)
    normal = (first + second + third + fourth - 2.0) * 3.0**0.5
    mean, sd = torch.tensor(list(NEAR_NORMAL.values())).t().unsqueeze(2)
    low, high = torch.tensor(list(UNIFORM.values())).t().unsqueeze(2)
    values = torch.cat([normal * sd + mean, uniform * (high - low) + low]).view(-1, num_images, 1, 1)
    look = dict(zip([*NEAR_NORMAL, *UNIFORM], values.unbind(), strict=True))
    scene = scene.view(3, SCENE_CELLS, SCENE_CELLS, num_images).permute(0, 3, 1, 2)
    return {**look, "clothes": clothes, "scene": scene}
