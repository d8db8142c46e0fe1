"""A good sweep, whose tests change it."""

from typing import Any

GOOD: dict[str, Any] = {
    "program": "facequal",
    "command": ["facequal", "fit", "-c", "a.yaml", "--trainer.logger=x.WandbLogger", "--trainer.logger.y=z", "${args}"],
    "method": "grid",
    "metric": {"name": "val/x", "goal": "minimize"},
    "parameters": {"model.a": {"values": [1, 2.5, None]}, "model.b": {"values": ["one", "two"]}, "c": {"value": True}},
}
RANGES = {"model.x": {"min": -1.0, "max": 3.0}, "n": {"min": 1, "max": 4}, "lr": {"min": 1e-4, "max": 1.0}}
RANGES["lr"]["distribution"] = "log_uniform_values"  # type: ignore[assignment]
