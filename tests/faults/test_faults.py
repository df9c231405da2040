"""Whatever a node answers: issuing goes on, nothing is anchored twice, and nothing is said that is not so."""

import queue
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.kinds import KINDS
from tests.faults.lane import Lane, lane

LANES = 4


class Lanes:
    """A few systems side by side, because most of the time is waiting. One that a kind has spoiled is left behind."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._made = folder, 0
        self._free: queue.SimpleQueue[tuple[ExitStack, Lane]] = queue.SimpleQueue()

    def play(self, name: str) -> None:
        stack, found = self._take()
        try:
            found.play(name)
        except BaseException:
            stack.close()
            raise
        self._free.put((stack, found))

    def _take(self) -> tuple[ExitStack, Lane]:
        try:
            return self._free.get_nowait()
        except queue.Empty:
            pass
        self._made += 1
        stack = ExitStack()
        return stack, stack.enter_context(lane(self._folder / str(self._made) / "home"))

    def close(self) -> None:
        while not self._free.empty():
            self._free.get()[0].close()


@pytest.fixture(scope="module")
def played(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Future[None]]]:
    """Every kind that was asked for, being played."""
    names: list[str] = [
        str(item.callspec.params["name"])
        for item in request.session.items
        if item.path == request.path and isinstance(item, pytest.Function) and hasattr(item, "callspec")
    ]
    folder = tmp_path_factory.mktemp("lanes")
    lanes = Lanes(folder)
    with ThreadPoolExecutor(LANES) as pool:
        yield {name: pool.submit(lanes.play, name) for name in names}
    lanes.close()
    shutil.rmtree(folder)


@pytest.mark.parametrize("name", list(KINDS))
def test_whatever_the_node_does_nothing_is_lost_or_said_that_is_not_so(
    played: Mapping[str, Future[None]], name: str
) -> None:
    played[name].result()
