"""Runs one process of the system that dies (SIGKILL) at a named point, once that point is armed.

A point is armed by a file of its name in ELICENCE_ARMED; the process that passes it first removes the file and is dead.
Usage: python -m tests.kill.deadly registry web | registry worker | registry signer | localchain run … | verifier
"""

import functools
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlmodel import Session

import localchain.__main__
import registry.__main__
import verifier.__main__
from localchain.chain import LocalChain
from registry import acts, anchoring, idempotency, onboarding, worker
from registry.chain import Chain
from registry.publishing import Publisher
from registry.routes import licences
from registry.signer import RuledSigner
from registry.signer_client import SignerClient

_ARMED = Path(os.environ.get("ELICENCE_ARMED", "/nonexistent"))
HIT = ".hit"


def die_if_armed(point: str) -> None:
    """Dies if the point is armed; of two processes that pass it at once, one."""
    path = _ARMED / point
    if not path.exists():
        return
    try:
        path.rename(path.with_suffix(HIT))
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def _around(owner: Any, name: str, before: str = "", after: str = "") -> None:
    real = getattr(owner, name)

    @functools.wraps(real)
    def deadly(*arguments: Any, **more: Any) -> Any:
        if before:
            die_if_armed(before)
        found = real(*arguments, **more)
        if after:
            die_if_armed(after)
        return found

    setattr(owner, name, deadly)


def _web() -> None:
    _around(licences, "issue", "web-before-insert", "web-after-insert")
    _around(Session, "commit", "web-before-commit", "web-after-commit")


def _worker() -> None:
    _around(anchoring, "_seal", "batch-before-seal", "batch-mid-seal")
    _around(anchoring, "seal", after="batch-after-seal")
    _around(Publisher, "leaves", "leaves-before", "leaves-after")
    _around(SignerClient, "sign_transaction", "before-sign", "after-sign")
    _around(Chain, "send", "before-send", "after-send")
    _around(anchoring, "_finish", "batch-before-final", "batch-after-final")
    _around(acts, "_prepare", "act-before-prepare", "act-after-prepare")
    _around(acts, "_finish", "act-before-effective", "act-after-effective")
    _around(onboarding, "open_list", "list-before", "list-after")
    _around(worker, "check", "check-before", "check-after")
    _around(Session, "commit", "worker-before-commit", "worker-after-commit")


def _signer() -> None:
    _around(RuledSigner, "sign_transaction", "signer-before-sign", "signer-after-sign")
    _around(RuledSigner, "sign_entries", "signer-before-entry", "signer-after-entry")


def _chain() -> None:
    _around(LocalChain, "commit", "chain-before-commit", "chain-after-commit")


POINTS: Mapping[str, tuple[str, ...]] = {
    "registry": ("web-before-insert", "web-after-insert", "web-before-commit", "web-after-commit"),
    "worker": (
        *("batch-before-seal", "batch-mid-seal", "batch-after-seal", "leaves-before", "leaves-after"),
        *(
            "before-sign",
            "after-sign",
            "before-send",
            "after-send",
            "batch-before-final",
            "batch-after-final",
        ),
        *("act-before-prepare", "act-after-prepare", "act-before-effective", "act-after-effective"),
        *("check-before", "check-after", "worker-before-commit", "worker-after-commit"),
        *("list-before", "list-after"),
    ),
    "signer": ("signer-before-sign", "signer-after-sign", "signer-before-entry", "signer-after-entry"),
    "chain": ("chain-before-commit", "chain-after-commit"),
}


def _ack_before_commit() -> None:
    """Planted: the answer leaves before its transaction is committed."""
    from tests.kill.faulty import hasty

    licences.once = hasty(idempotency.once)  # type: ignore[attr-defined]


def _random_root() -> None:
    """Planted: a root that is no function of what is stored."""
    from tests.kill.faulty import dicing

    anchoring.merkle = dicing()  # type: ignore[attr-defined,assignment]


PLANTED: Mapping[str, Callable[[], None]] = {
    "ack-before-commit": _ack_before_commit,
    "random-root": _random_root,
}
_ROLES: Mapping[str, tuple[Callable[[], None], Callable[[list[str]], int]]] = {
    "web": (_web, registry.__main__.main),
    "worker": (_worker, registry.__main__.main),
    "signer": (_signer, registry.__main__.main),
    "run": (_chain, lambda _: localchain.__main__.main()),
    "verifier": (lambda: None, lambda _: verifier.__main__.main()),
}


def main() -> int:
    """Arms the process that the arguments name, plants the fault of ELICENCE_PLANTED, and runs it."""
    arguments = sys.argv[1:]
    role = arguments[1] if len(arguments) > 1 else arguments[0]
    arm, run = _ROLES[role]
    arm()
    if (fault := os.environ.get("ELICENCE_PLANTED", "")) in PLANTED:
        PLANTED[fault]()
    sys.argv = sys.argv[1:]
    return run(arguments[1:])


if __name__ == "__main__":
    sys.exit(main())
