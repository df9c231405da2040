"""Places and turns: how many requests are inside, how many of them work, who is next. First come, first served."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from doors import refusals
from doors.limits import Places


class Turns:
    """One lane. Used by one event loop."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self.inside = self.working = 0
        self._queue: deque[asyncio.Future[None]] = deque()

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place inside, for as long as the block runs.

        Raises:
            Refusal: none is free.
        """
        if self.inside >= self._places.working + self._places.waiting:
            raise refusals.busy()
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """The right to work, for as long as the block runs.

        Raises:
            Refusal: the turn did not come in time.
        """
        # Whoever came with us takes a place first: a burst is seen as one, also where work never lets go of the loop.
        await asyncio.sleep(0)
        await self._enter()
        try:
            yield
        finally:
            self._leave()

    async def _enter(self) -> None:
        if self.working < self._places.working and not self._queue:
            self.working += 1
            return
        mine = asyncio.get_running_loop().create_future()
        self._queue.append(mine)
        try:
            await asyncio.wait_for(mine, self._places.turn)
        except TimeoutError:
            self._forget(mine)
            raise refusals.busy() from None
        except asyncio.CancelledError:
            self._forget(mine)
            raise

    def _forget(self, mine: asyncio.Future[None]) -> None:
        if mine in self._queue:
            self._queue.remove(mine)
        elif mine.done() and not mine.cancelled():
            self._leave()

    def _leave(self) -> None:
        while self._queue:
            following = self._queue.popleft()
            if not following.done():
                following.set_result(None)
                return
        self.working -= 1
