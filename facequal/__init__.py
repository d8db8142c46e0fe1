"""Faces in bad pictures: recognise them, restore them, and see why."""

from importlib.metadata import version as _version
from typing import TYPE_CHECKING

from facequal.names import lazy_names

__version__ = _version("facequal")

if TYPE_CHECKING:
    from facequal.pretrained.checkpoints import load_module as load_module
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__, __file__)
