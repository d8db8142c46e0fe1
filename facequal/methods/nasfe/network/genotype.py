"""What a search found, as a file that can be read, written by hand, and checked."""

import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from facequal.methods.nasfe.network.operators import OPERATORS, OperatorName

SCHEMA = "facequal.nasfe.genotype/1"
NUM_EDGES = 2  # inputs of a block
NUM_CELLS = 3

Edge = tuple[OperatorName, int]
_KEYS = ("schema", "ops", "blocks", "nodes", "cells", "channels")


@dataclass(frozen=True)
class Genotype:
    """A cell, and what each of the cells of the fusion network takes in.

    Block i adds up its edges, each an operator on input 0 or 1 (the cell's two inputs) or 2 + j (block j < i). Cell
    l's two inputs are sources: 0 is the fusion's input, l the output of cell l.

    >>> genotype = Genotype(nodes=((("fft", 0), ("res2", 1)), (("fft", 1), ("skip", 2))), cells=((0, 0), (0, 1)))
    >>> genotype.num_blocks, genotype.counts
    (2, {'fft': 2, 'res2': 1, 'skip': 1})

    Attributes:
        nodes: For each block its two edges, as (operator, input).
        cells: For each cell its sources s0 and s1.
        channels: Channels within a cell, a multiple of 4.
        score: Figures of the search, such as how sure it was; for people.
        source: Run, epoch and seed it is from; for people.

    Raises:
        ValueError: If a field is wrong; the message names it.
    """

    nodes: tuple[tuple[Edge, ...], ...]
    cells: tuple[tuple[int, int], ...] = ((0, 0), (0, 1), (1, 2))
    channels: int = 40
    score: Mapping[str, Any] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.nodes:
            raise ValueError("nodes: at least one block is needed")
        if not self.cells:
            raise ValueError("cells: at least one cell is needed")
        require_channels(self.channels)
        for number, node in enumerate(self.nodes):
            if len(node) != NUM_EDGES:
                raise ValueError(f"nodes[{number}]: expected {NUM_EDGES} edges [operator, input], got {node!r}")
            for position, edge in enumerate(node):
                _validate_edge(edge, number, f"nodes[{number}][{position}]")
        for number, cell in enumerate(self.cells):
            for port, source in zip(("s0", "s1"), cell, strict=True):
                if type(source) is not int or not 0 <= source <= number:
                    raise ValueError(f"cells[{number}]: {port} is {source!r}, but cell {number} can take 0 to {number}")

    @property
    def num_blocks(self) -> int:
        """Blocks of a cell."""
        return len(self.nodes)

    @property
    def counts(self) -> dict[str, int]:
        """How often each operator is there, of those that are."""
        return dict(Counter(name for node in self.nodes for name, _ in node))

    def to_plain(self) -> dict[str, Any]:
        """Return its fields as lists, dicts and numbers, as a configuration holds them."""
        return {
            "nodes": [[list(edge) for edge in node] for node in self.nodes],
            "cells": [list(cell) for cell in self.cells],
            "channels": self.channels,
            "score": dict(self.score),
            "source": dict(self.source),
        }

    def save(self, path: str | Path, params_m: float | None = None) -> None:
        """Write the file.

        Args:
            path: The JSON file.
            params_m: Parameters of the network it was made for, in millions; for people.
        """
        plain = self.to_plain()
        content: dict[str, Any] = {
            "schema": SCHEMA,
            "ops": list(OPERATORS),
            "blocks": self.num_blocks,
            **plain,
            "cells": [{"s0": s0, "s1": s1} for s0, s1 in self.cells],
        }
        if params_m is not None:
            content["params_m"] = round(params_m, 4)
        path = Path(path)
        unfinished = path.with_name(f"{path.name}.part")
        unfinished.write_text(_laid_out(content), encoding="utf-8")
        unfinished.replace(path)


@dataclass(frozen=True)
class RandomGenotype:
    """A genotype that nobody searched for: what a search has to be better than. See `random_genotype`.

    Attributes:
        seed: Draws it.
        blocks: Blocks of a cell.
        channels: Channels within a cell.
        cells: Cells of the fusion.
        max_skips: Skips of a cell at most; None for any number.

    Raises:
        ValueError: If a number is out of its range.
    """

    seed: int
    blocks: int = 12
    channels: int = 40
    cells: int = NUM_CELLS
    max_skips: int | None = 2

    def __post_init__(self) -> None:
        require_channels(self.channels)
        if min(self.blocks, self.cells) < 1:
            raise ValueError(f"blocks and cells must be at least 1, got {self.blocks} and {self.cells}")
        if self.max_skips is not None and self.max_skips < 0:
            raise ValueError(f"max_skips must be at least 0 or None, got {self.max_skips}")


def require_channels(channels: object) -> None:
    """Refuse channels that operators cannot have.

    Raises:
        ValueError: If they are no positive multiple of 4.
    """
    if type(channels) is not int or channels < 4 or channels % 4:
        raise ValueError(f"channels must be a positive multiple of 4, got {channels!r}")


def random_genotype(drawn: RandomGenotype) -> Genotype:
    """Draw a genotype under the rules by which one is derived from a search.

    Every block takes two different inputs, each by an operator other than "none", all equally likely; of more than
    `max_skips` skips the last ones are drawn anew. The two ports of a cell take different sources where there are two.

    >>> random_genotype(RandomGenotype(seed=0, blocks=1, cells=2)).nodes
    ((('skip', 0), ('sep5', 1)),)
    """
    draw = random.Random(drawn.seed)
    operators = [name for name in OPERATORS if name != "none"]
    without_skip = [name for name in operators if name != "skip"]
    nodes, num_skips = [], 0
    for number in range(drawn.blocks):
        node: list[Edge] = []
        for source in sorted(draw.sample(range(number + 2), NUM_EDGES)):
            name = draw.choice(operators)
            num_skips += name == "skip"
            if name == "skip" and drawn.max_skips is not None and num_skips > drawn.max_skips:
                name = draw.choice(without_skip)
            node.append((name, source))
        nodes.append(tuple(node))
    cells = [(0, 0), *(tuple(draw.sample(range(number + 1), 2)) for number in range(1, drawn.cells))]
    return Genotype(tuple(nodes), tuple((s0, s1) for s0, s1 in cells), drawn.channels, source={"random": drawn.seed})


def load_genotype(path: str | Path) -> Genotype:
    """Read a genotype and check all of it.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no JSON, of another version, or a field is wrong; the message names file and field.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no genotype {path}")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: no JSON: {error}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected an object, got {type(content).__name__}")
    missing = [key for key in _KEYS if key not in content]
    if missing:
        raise ValueError(f"{path}: no field {', '.join(missing)}")
    if content["schema"] != SCHEMA:
        raise ValueError(f"{path}: schema {content['schema']!r}, this version reads {SCHEMA!r}")
    if content["ops"] != list(OPERATORS):
        raise ValueError(f"{path}: ops {content['ops']}, this version has {list(OPERATORS)}")
    nodes, cells, channels = content["nodes"], content["cells"], content["channels"]
    if not isinstance(nodes, list) or not nodes or content["blocks"] != len(nodes):
        size = len(nodes) if isinstance(nodes, list) else nodes
        raise ValueError(f"{path}: blocks is {content['blocks']!r}, but nodes has {size}")
    if not isinstance(cells, list) or not cells:
        raise ValueError(f"{path}: cells must be a list of at least one, got {cells!r}")
    try:
        return Genotype(
            tuple(_node(node, number) for number, node in enumerate(nodes)),
            tuple(_cell(cell, number) for number, cell in enumerate(cells)),
            channels,
            content.get("score") or {},
            content.get("source") or {},
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _node(node: Any, number: int) -> tuple[Edge, ...]:
    if not isinstance(node, list) or len(node) != NUM_EDGES:
        raise ValueError(f"nodes[{number}]: expected {NUM_EDGES} edges [operator, input], got {node!r}")
    return tuple(tuple(edge) if isinstance(edge, list) else edge for edge in node)


def _cell(cell: Any, number: int) -> tuple[int, int]:
    if not isinstance(cell, dict) or set(cell) != {"s0", "s1"}:
        raise ValueError(f"cells[{number}]: expected s0 and s1, got {cell!r}")
    return cell["s0"], cell["s1"]


def _validate_edge(edge: Any, number: int, where: str) -> None:
    if not isinstance(edge, Sequence) or len(edge) != 2:
        raise ValueError(f"{where}: expected [operator, input], got {edge!r}")
    name, source = edge
    if name not in OPERATORS or name == "none":
        allowed = ", ".join(name for name in OPERATORS if name != "none")
        raise ValueError(f"{where}: unknown operator {name!r}; known: {allowed}")
    if type(source) is not int or not 0 <= source < number + 2:
        raise ValueError(f"{where}: input {source!r}, but block {number} can take 0 to {number + 1}")


def _laid_out(content: Mapping[str, Any]) -> str:
    """Return JSON with a block and a cell per line, so that it can be edited by hand."""
    lines = []
    for key, value in content.items():
        if key in ("nodes", "cells"):
            lines.append(f'  "{key}": [\n{_rows(value)}\n  ]')
        else:
            lines.append(f'  "{key}": {json.dumps(value)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _rows(values: Iterable[Any]) -> str:
    return ",\n".join(f"    {json.dumps(value)}" for value in values)
