"""Alternatives timed in turns, so that what else the machine does hits all of them alike."""

import time
from collections.abc import Callable, Mapping

import torch

Action = Callable[[], object]


def interleaved(
    alternatives: Mapping[str, Action],
    rounds: int,
    device: str = "cpu",
    shortest_s: float = 0.1,
    warm_up: bool = True,
    wall_time: bool = False,
) -> dict[str, list[float]]:
    """Seconds per call of each alternative, one value per round.

    In a round each alternative is called until `shortest_s` have gone by. Rounds begin with another alternative each,
    so that none always follows the same one.

    Args:
        alternatives: Functions without arguments.
        rounds: Number of values per alternative.
        device: "cpu" takes the processor time of this process: on an idle core it is the time that passes, and on a
            busy one it leaves out the waiting. "cuda" takes the time that passes until the GPU has finished.
        shortest_s: Least time per value.
        warm_up: Call each once before, uncounted.
        wall_time: Take the time that passes on the CPU too, as with several threads, whose processor times add up.

    Returns:
        The seconds by name, in the order of the rounds.
    """
    names = list(alternatives)
    for name in names if warm_up else ():
        alternatives[name]()
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for round_ in range(rounds):
        first = round_ % len(names)
        for name in names[first:] + names[:first]:
            seconds[name].append(_seconds_per_call(alternatives[name], device, shortest_s, wall_time))
    return seconds


def _seconds_per_call(action: Action, device: str, shortest_s: float, wall_time: bool) -> float:
    clock = time.perf_counter if device == "cuda" or wall_time else time.process_time
    _synchronise(device)
    calls, start = 0, clock()
    while calls == 0 or clock() - start < shortest_s:
        action()
        calls += 1
    _synchronise(device)
    return (clock() - start) / calls


def _synchronise(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
