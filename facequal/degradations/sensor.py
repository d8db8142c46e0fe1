"""A camera's way from light to picture: inverse response, exposure, Bayer mosaic, noise, demosaic, response."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from kornia.color import CFA, raw_to_rgb, rgb_to_raw
from torch import Tensor

from facequal.degradations.base import Degradation, Params
from facequal.degradations.draws import Keys, checked_range
from facequal.degradations.responses import ResponseBank, look_up

# The colours of the top left 2x2 pixels, read row by row; Kornia names the pattern from pixel (1, 1), as OpenCV.
MOSAICS = {"RGGB": CFA.BG, "GRBG": CFA.GB, "GBRG": CFA.GR, "BGGR": CFA.RG}
_NOISE_ID_BITS = 40


class LowLight(Degradation):
    """A picture taken in too little light: y = f(demosaic(r mosaic(f^-1(x)))), r ~ U(r), without noise.

    f is a camera response drawn from a bank, so the darkening is in the light, not in the values of the picture.

    Parameters drawn: `r`, float32 (B,); `response_id`, int64 (B,), the curve; `mosaic_id`, int64 (B,), position in
    `MOSAICS`.

    Args:
        r: Range of the light's factor, within (0, 1].
        responses: The camera responses.

    Raises:
        ValueError: If the range is not within (0, 1].

    >>> degraded, params = LowLight(r=(0.1, 0.1))(torch.full((1, 3, 8, 8), 0.5), Keys(torch.tensor([0])))
    >>> degraded.shape, bool(degraded.max() < 0.4)
    (torch.Size([1, 3, 8, 8]), True)
    """

    def __init__(self, r: tuple[float, float] = (0.05, 0.5), responses: ResponseBank | None = None) -> None:
        self.r = checked_range("r", r, 0.0, 1.0, positive=True)
        self.responses = ResponseBank() if responses is None else responses

    def sample(self, keys: Keys) -> Params:
        """Return `r`, float32 (B,); `response_id` and `mosaic_id`, int64 (B,)."""
        return {"r": keys.fold("r").uniform((), *self.r), **sample_camera(keys, self.responses)}

    def apply(self, images: Tensor, params: Params) -> Tensor:
        """Take the picture anew with the fraction `r` of the light."""
        return photograph(images, params, self.responses)


class SensorNoise(Degradation):
    """Noise of photons and of the sensor, where it arises: n ~ N(0, L sigma_s^2 + sigma_c^2) on the mosaic L.

    y = f(demosaic(clamp(L + n))), L = mosaic(f^-1(x)). The sigmas are like standard deviations: of the three forms in
    use (in CBDNet's code one has the std sigma_s L, another the variance sigma_s L + sigma_c), only this one, NASFE's,
    gives inputs as noisy as that paper's.

    Parameters drawn: `sigma_s` and `sigma_c`, float32 (B,); `noise_id`, int64 (B,), which names the noise: pixel p
    has value p of its draws; `response_id` and `mosaic_id` as in `LowLight`.

    Args:
        sigma_s: Range of the part that grows with the light, at least 0.
        sigma_c: Range of the part that is there in the dark too, at least 0.
        responses: The camera responses.

    Raises:
        ValueError: If a range is not within [0, 1].

    >>> grey = torch.full((1, 3, 64, 64), 0.5)
    >>> quiet, _ = SensorNoise(sigma_s=(0.0, 0.0), sigma_c=(0.01, 0.01))(grey, Keys(torch.tensor([0])))
    >>> noisy, _ = SensorNoise(sigma_s=(0.1, 0.1), sigma_c=(0.05, 0.05))(grey, Keys(torch.tensor([0])))
    >>> bool(noisy.std() > 3 * quiet.std() > 0)
    True
    """

    def __init__(
        self,
        sigma_s: tuple[float, float] = (0.01, 0.16),
        sigma_c: tuple[float, float] = (0.01, 0.06),
        responses: ResponseBank | None = None,
    ) -> None:
        self.sigma_s = checked_range("sigma_s", sigma_s, 0.0, 1.0)
        self.sigma_c = checked_range("sigma_c", sigma_c, 0.0, 1.0)
        self.responses = ResponseBank() if responses is None else responses

    def sample(self, keys: Keys) -> Params:
        """Return `sigma_s` and `sigma_c`, float32 (B,); `noise_id`, `response_id` and `mosaic_id`, int64 (B,)."""
        return {
            "sigma_s": keys.fold("sigma_s").uniform((), *self.sigma_s),
            "sigma_c": keys.fold("sigma_c").uniform((), *self.sigma_c),
            "noise_id": sample_noise_id(keys),
            **sample_camera(keys, self.responses),
        }

    def apply(self, images: Tensor, params: Params) -> Tensor:
        """Take the picture anew with noise."""
        return photograph(images, params, self.responses)


def sample_camera(keys: Keys, responses: ResponseBank) -> Params:
    """Draw the cameras that take the pictures: `response_id` and `mosaic_id`, int64 (B,)."""
    return {
        "response_id": keys.fold("response").integers(0, len(responses)),
        "mosaic_id": keys.fold("mosaic").integers(0, len(MOSAICS)),
    }


def sample_noise_id(keys: Keys) -> Tensor:
    """Draw what names the samples' noise: int64 (B,) in [0, 2^40)."""
    high, low = keys.fold("noise").bits((2,)).unbind(1)
    return ((high << 32) | low) & ((1 << _NOISE_ID_BITS) - 1)


def photograph(images: Tensor, params: Params, responses: ResponseBank) -> Tensor:
    """Take pictures anew as a camera would have: f(demosaic(clamp(r mosaic(f^-1(x)) + n))).

    Response and light are the same for the three colours, so the inverse response is taken after the mosaic has left
    one of three values.

    Args:
        images: float32 RGB (B,3,H,W) in [0,1]; an odd height or width is extended by a pixel and cut again.
        params: `response_id` and `mosaic_id`, int64 (B,); `r`, float32 (B,), or full light; `sigma_s`, `sigma_c` and
            `noise_id`, or no noise.
        responses: The camera responses.

    Returns:
        float32 (B,3,H,W) in [0,1].

    Raises:
        ValueError: If a side is shorter than two pixels.
    """
    curves, inverses = responses.on(images.device)
    height, width = images.shape[-2:]
    if min(height, width) < 2:
        raise ValueError(f"images of {height}x{width} pixels have no Bayer mosaic: it takes 2x2")
    even = F.pad(images, (0, width % 2, 0, height % 2), mode="reflect")
    light = look_up(inverses[params["response_id"]], per_mosaic(rgb_to_raw, even, params["mosaic_id"]))
    if "r" in params:
        light = light * params["r"][:, None, None, None]
    if "sigma_s" in params:
        light = add_noise(light, params)
    picture = per_mosaic(raw_to_rgb, light, params["mosaic_id"])[..., :height, :width]
    return look_up(curves[params["response_id"]], picture.clamp(0.0, 1.0)).clamp_(0.0, 1.0)


def add_noise(light: Tensor, params: Params) -> Tensor:
    """Add noise to light: clamp(L + n, 0, 1) with n ~ N(0, L sigma_s^2 + sigma_c^2), independent for every value.

    Args:
        light: float32 (B,C,H,W) in [0,1].
        params: `sigma_s` and `sigma_c`, float32 (B,); `noise_id`, int64 (B,).

    Returns:
        float32 (B,C,H,W) in [0,1].
    """
    sigma_s, sigma_c = (params[name][:, None, None, None] for name in ("sigma_s", "sigma_c"))
    normal = Keys(params["noise_id"]).normal(tuple(light.shape[1:]))
    return light.mul(sigma_s.square()).add_(sigma_c.square()).sqrt_().mul_(normal).add_(light).clamp_(0.0, 1.0)


def per_mosaic(convert: Callable[[Tensor, CFA], Tensor], images: Tensor, mosaic: Tensor) -> Tensor:
    """Convert every sample with its own mosaic: one call per mosaic, since Kornia takes one at a time.

    Args:
        convert: Kornia's `rgb_to_raw` or `raw_to_rgb`.
        images: float32 (B,C,H,W), H and W even.
        mosaic: int64 (B,), positions in `MOSAICS`.

    Returns:
        float32 (B,C',H,W).

    Raises:
        ValueError: If there is no such mosaic.
    """
    positions = [(mosaic == number).nonzero().squeeze(1) for number in range(len(MOSAICS))]
    if sum(map(len, positions)) < len(images):
        raise ValueError(f"mosaic must be in [0, {len(MOSAICS)}), got {mosaic.tolist()}")
    parts = [convert(images.index_select(0, part), cfa) for part, cfa in zip(positions, MOSAICS.values(), strict=True)]
    return torch.cat(parts).index_select(0, torch.cat(positions).argsort())
