"""The verifier's process: python -m verifier. Follows the chain in one thread, answers in the others."""

import logging
import sqlite3
import sys
import threading

import structlog

from contracts.deployment import Deployment, PinError
from doors.doorway import Doorway
from doors.serving import serve as serve_door
from verifier.app import App
from verifier.chain import Node
from verifier.fetching import Fetcher
from verifier.follower import Follower
from verifier.index import GapError
from verifier.memory import Memory
from verifier.settings import Settings, SettingsError, read_settings
from verifier.trust import Trust
from verifier.witnesses import Listener


def main() -> int:
    """Serves until it is told to stop."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        settings = read_settings()
        pins = Deployment.from_json(settings.deployment.read_text("utf-8"))
    except (SettingsError, PinError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except FileNotFoundError:
        print(f"error: no {settings.deployment}: get it from the operator of the network", file=sys.stderr)
        return 1
    try:
        serve(settings, pins)
    except (SettingsError, sqlite3.DatabaseError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def serve(settings: Settings, pins: Deployment) -> None:
    """Follows and answers until the server ends."""
    trust, stop = Trust(pins, settings.max_age), threading.Event()
    memory = Memory(settings.index, f"{pins.network_id} {pins.genesis_hash} {pins.issuer_registry}")
    try:
        follower = Follower(trust, Node(settings.chain_url, pins), Fetcher(settings.mirror), memory)
    except (GapError, ValueError, KeyError) as error:
        raise SettingsError(
            f"{settings.index} is broken ({error}): delete it, and it is rebuilt from the chain"
        ) from error
    follower.look()
    loops = [follower.run]
    loops += [Listener(trust, Node(settings.chain_url, pins), each).run for each in settings.required]
    threads = [threading.Thread(target=loop, args=(stop, settings.poll), daemon=True) for loop in loops]
    for thread in threads:
        thread.start()
    print(f"ready http://{settings.host}:{settings.verifier_port}", flush=True)
    doorway = Doorway(settings)
    app = App(trust, doorway=doorway, home=settings.home)
    try:
        serve_door(app, (settings.host, settings.verifier_port), settings, doorway.stopping)
    finally:
        stop.set()
        for thread in threads:
            thread.join(5)


if __name__ == "__main__":
    sys.exit(main())
