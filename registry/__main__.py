"""The registry's three processes: python -m registry web | worker | signer."""

import asyncio
import logging
import os
import signal
import sys
import threading

import structlog

from contracts.deployment import PinError
from doors.doorway import Doorway
from doors.serving import serve
from registry.condition import watch_chain
from registry.errors import RegistryError
from registry.house import House, build, own_signer
from registry.key_files import hide_memory
from registry.main import create_app
from registry.settings import Settings, SettingsError, read_settings
from registry.signer_server import SignerServer
from registry.store import newest_block_time
from registry.worker import run


def web() -> None:
    """Faces the network; holds no private key."""
    settings = read_settings()
    house, doorway = _house(settings), Doorway(settings)
    app = create_app(house, doorway)
    threading.Thread(target=watch_chain, args=(house, threading.Event()), daemon=True).start()
    print(f"ready http://{settings.host}:{settings.registry_port}", flush=True)
    serve(app, (settings.host, settings.registry_port), settings, doorway.stopping)


def worker() -> None:
    """Takes batches and acts to the chain until it is told to stop: then it ends its step, in ten seconds at most."""
    settings = read_settings()
    house, stop = _house(settings), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: _end(stop, settings.drain))
    print("ready worker", flush=True)
    run(house, stop)


def _house(settings: Settings) -> House:
    """The house, if its clock is not behind what the database has seen.

    Raises:
        ClockError: it is.
    """
    house = build(settings)
    with house.store.read() as session:
        house.pace.demand_sound(newest_block_time(session))
    return house


def _end(stop: threading.Event, seconds: float) -> None:
    # A step may be waiting for a slow node or a locked database. The worker may be killed at any moment: so it ends.
    stop.set()
    timer = threading.Timer(seconds, os._exit, (0,))
    timer.daemon = True
    timer.start()


def signer() -> None:
    """Holds every private key, behind a socket, until it is told to stop."""
    settings = read_settings()
    server = SignerServer(own_signer(settings))
    asyncio.run(server.serve_until_signal(settings.socket, lambda: print("ready signer", flush=True)))


def main(arguments: list[str]) -> int:
    """Runs the process that the first argument names."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    structlog.configure(processors=[*_LOG], logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    roles = {"web": web, "worker": worker, "signer": signer}
    if len(arguments) != 1 or arguments[0] not in roles:
        print(__doc__, file=sys.stderr)
        return 2
    hide_memory()
    try:
        roles[arguments[0]]()
    except (SettingsError, RegistryError, PinError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


_LOG = (
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.JSONRenderer(),
)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
