"""An application with nothing of ours in it, behind the wall, as a process: python -m tests.doors.plain PORT."""

import asyncio
import sys
import time

from doors.condition import Stopping
from doors.counting import Counts
from doors.limits import limits
from doors.serving import serve
from doors.settings import DoorSettings
from doors.wall import Message, Receive, Send, Wall


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Reads a body and tells its size; /thread/SECONDS works in a thread, /metrics tells what was counted."""
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    if scope["path"].startswith("/thread/"):
        await asyncio.to_thread(time.sleep, float(scope["path"].rpartition("/")[2]))
    body = COUNTS.text() if scope["path"] == "/metrics" else str(size).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


COUNTS = Counts()

if __name__ == "__main__":
    settings, stopping = DoorSettings(), Stopping()
    wall = Wall(app, limits(settings, {}, {"/upload": 2**20}), COUNTS)
    print("ready plain", flush=True)
    serve(wall, ("127.0.0.1", int(sys.argv[1])), settings, stopping)
