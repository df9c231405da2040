"""The command line that kills itself, kill -9, where an erasure calls the named step: `python -m tests.registry.killed
STEP …`. Only to see that the next run goes on from there."""

import os
import signal
import sys
from typing import NoReturn

from registry import erasing
from scripts.main import app


def _die(*_: object, **__: object) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("alive after kill -9")


if __name__ == "__main__":
    setattr(erasing, sys.argv.pop(1), _die)
    app()
