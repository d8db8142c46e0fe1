"""Degradations that run batched on the device and depend on (seed, epoch, sample index) alone."""

from typing import TYPE_CHECKING

from facequal.names import lazy_names

if TYPE_CHECKING:
    from facequal.degradations.base import Compose as Compose
    from facequal.degradations.base import Degradation as Degradation
    from facequal.degradations.base import RandomApply as RandomApply
    from facequal.degradations.draws import Keys as Keys
    from facequal.degradations.geometry import HorizontalFlip as HorizontalFlip
    from facequal.degradations.geometry import Rotation as Rotation
    from facequal.degradations.geometry import ZeroPadCrop as ZeroPadCrop
    from facequal.degradations.jpeg import JPEG as JPEG
    from facequal.degradations.kernels import KernelBank as KernelBank
    from facequal.degradations.multi import KernelBlur as KernelBlur
    from facequal.degradations.multi import MultiDegradation as MultiDegradation
    from facequal.degradations.photometric import PhotometricJitter as PhotometricJitter
    from facequal.degradations.qgface import QGFaceAugmentation as QGFaceAugmentation
    from facequal.degradations.qgface import RandomRescale as RandomRescale
    from facequal.degradations.qgface import RandomResizedCrop as RandomResizedCrop
    from facequal.degradations.resolution import DownUpScale as DownUpScale
    from facequal.degradations.resolution import Resolution as Resolution
    from facequal.degradations.responses import ResponseBank as ResponseBank
    from facequal.degradations.sensor import LowLight as LowLight
    from facequal.degradations.sensor import SensorNoise as SensorNoise
    from facequal.degradations.suites import AdaFaceAugmentation as AdaFaceAugmentation
    from facequal.degradations.suites import ResolutionSuite as ResolutionSuite
    from facequal.degradations.suites import RestorationSuite as RestorationSuite
    from facequal.degradations.suites import resolution_suite as resolution_suite
    from facequal.degradations.suites import restoration_suite as restoration_suite
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__, __file__)
