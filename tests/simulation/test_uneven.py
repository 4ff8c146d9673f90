"""Some are slow for a while; nobody is left out for good."""

from __future__ import annotations

import random

from actors.messages import TimerFired
from actors.runtime import Actor
from tests.simulation.uneven import Uneven


class _Busy(Actor):
    """Tells itself to go on, for ever."""

    def start(self) -> None:
        self.receive(None)

    def receive(self, _message: object) -> None:
        self.life.tell(self.life.name, TimerFired(incarnation=0, name="on"))


def _turns(*, is_uneven: bool = False, slow: int = 0) -> dict[str, int]:
    system = Uneven(random.Random(1), pace=random.Random(2), is_uneven=is_uneven)
    for kind in ("group", "pool"):
        system.register(kind, _Busy)
        system.spawn(kind)
    system.run(10)
    if slow:
        system.slow("group", slow)
    before = len(system.log)
    system.run(200)
    lines = system.log[before:]
    return {kind: sum(line.actor == kind for line in lines) for kind in ("group", "pool")}


def test_who_is_slow_hardly_gets_a_turn_and_then_as_many_as_the_others() -> None:
    even, slow, a_while = _turns(), _turns(slow=1_000), _turns(slow=20)
    assert even["group"] > 70
    assert 0 < slow["group"] < 20
    assert a_while["group"] > 60


def test_in_an_uneven_run_everybody_gets_on() -> None:
    turns = _turns(is_uneven=True)
    assert sum(turns.values()) == 200
    assert min(turns.values()) > 10
