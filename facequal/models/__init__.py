"""Networks that all methods share; their heads are in `facequal.models.heads`."""

from typing import TYPE_CHECKING

from facequal.names import lazy_names

if TYPE_CHECKING:
    from facequal.models.backbones import Backbone as Backbone
    from facequal.models.backbones import TimmBackbone as TimmBackbone
    from facequal.models.iresnet import IResNet as IResNet
    from facequal.models.iresnet import IRTiny as IRTiny
    from facequal.models.vggface import VGGFace as VGGFace
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__, __file__)
