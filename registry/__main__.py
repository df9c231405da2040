"""The registry's three processes: python -m registry web | worker | signer."""

import asyncio
import logging
import signal
import sys
import threading

import structlog
import uvicorn

from contracts.deployment import PinError
from registry.errors import RegistryError
from registry.house import build, own_signer
from registry.key_files import hide_memory
from registry.main import create_app
from registry.settings import SettingsError, read_settings
from registry.signer_server import SignerServer
from registry.worker import run


def web() -> None:
    """Faces the network; holds no private key."""
    settings = read_settings()
    app = create_app(build(settings))
    print(f"ready http://{settings.host}:{settings.registry_port}", flush=True)
    uvicorn.run(app, host=settings.host, port=settings.registry_port, log_config=None, access_log=False)


def worker() -> None:
    """Takes batches and acts to the chain until it is told to stop."""
    house, stop = build(read_settings()), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    print("ready worker", flush=True)
    run(house, stop)


def signer() -> None:
    """Holds every private key, behind a socket."""
    settings = read_settings()
    server = SignerServer(own_signer(settings))
    asyncio.run(server.serve(settings.socket, lambda: print("ready signer", flush=True)))


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
