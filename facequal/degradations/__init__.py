"""Degradations that run batched on the device and depend on (seed, epoch, sample index) alone."""

from facequal.degradations.base import Compose, Degradation, RandomApply
from facequal.degradations.draws import Keys
from facequal.degradations.geometry import HorizontalFlip, Rotation, ZeroPadCrop
from facequal.degradations.jpeg import JPEG
from facequal.degradations.kernels import KernelBank
from facequal.degradations.multi import KernelBlur, MultiDegradation
from facequal.degradations.photometric import PhotometricJitter
from facequal.degradations.qgface import QGFaceAugmentation, RandomRescale, RandomResizedCrop
from facequal.degradations.resolution import DownUpScale, Resolution
from facequal.degradations.responses import ResponseBank
from facequal.degradations.sensor import LowLight, SensorNoise
from facequal.degradations.suites import (
    AdaFaceAugmentation,
    ResolutionSuite,
    RestorationSuite,
    resolution_suite,
    restoration_suite,
)

__all__ = [
    "JPEG",
    "AdaFaceAugmentation",
    "Compose",
    "Degradation",
    "DownUpScale",
    "HorizontalFlip",
    "KernelBank",
    "KernelBlur",
    "Keys",
    "LowLight",
    "MultiDegradation",
    "PhotometricJitter",
    "QGFaceAugmentation",
    "RandomApply",
    "RandomRescale",
    "RandomResizedCrop",
    "Resolution",
    "ResolutionSuite",
    "ResponseBank",
    "RestorationSuite",
    "Rotation",
    "SensorNoise",
    "ZeroPadCrop",
    "resolution_suite",
    "restoration_suite",
]
