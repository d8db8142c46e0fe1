"""Faces in bad pictures: recognise them, restore them, and see why."""

from importlib.metadata import version as _version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facequal.pretrained.checkpoints import load_module

__all__ = ["__version__", "load_module"]
__version__ = _version("facequal")


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is first asked for."""
    if name == "load_module":
        from facequal.pretrained.checkpoints import load_module

        return load_module
    raise AttributeError(f"module 'facequal' has no attribute {name!r}")
