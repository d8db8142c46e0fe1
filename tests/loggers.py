"""A run of W&B that only remembers: no service, no files, no network."""

from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import WandbLogger


class RememberedRun:
    """What `WandbLogger` writes with."""

    id, name = "abc123", "remembered"

    def __init__(self, folder: Path = Path("none")) -> None:
        self.dir = str(folder / "files")
        self.config = self
        self.configured: dict[str, Any] = {}
        self.logged: list[dict[str, Any]] = []
        self.artifacts: list[Any] = []

    def update(self, values: dict[str, Any], allow_val_change: bool) -> None:
        assert allow_val_change
        self.configured |= values

    def log(self, values: dict[str, Any]) -> None:
        self.logged.append(values)

    def log_artifact(self, artifact: Any) -> None:
        self.artifacts.append(artifact)

    def media(self) -> dict[str, list[Any]]:
        """All that is no number, by its name."""
        found: dict[str, list[Any]] = {}
        for values in self.logged:
            for key, value in values.items():
                if not isinstance(value, int | float):
                    found.setdefault(key, []).append(value)
        return found


class RememberingWandbLogger(WandbLogger):
    """`WandbLogger` for the command line, whose run is a `RememberedRun`."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._experiment = RememberedRun()
