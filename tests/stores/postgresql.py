"""A real PostgreSQL for the tests: Debian's binaries, a cluster of its own, a free port on loopback."""

import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from scripts.stack import Ports


@dataclass
class Server:
    """A running server; each database has a name of its own."""

    folder: Path
    port: int
    count: int = 0

    def url(self, name: str) -> str:
        return f"postgresql://elicence@127.0.0.1:{self.port}/{name}"

    def database(self) -> str:
        """A fresh, empty database; gives its URL."""
        self.count += 1
        name = f"registry{self.count}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)


def binaries() -> Path:
    """The folder of Debian's newest server."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    assert found, "PostgreSQL is not installed: apt-get install postgresql"
    return Path(found[-1]).parent


@contextmanager
def serving() -> Iterator[Server]:
    """A cluster made, served, and removed. PostgreSQL refuses to run as root: then it runs as the user postgres."""
    user = "postgres" if os.geteuid() == 0 else None
    # Root's own temporary folder may be closed to that user.
    folder = Path(tempfile.mkdtemp(prefix="elicence-pg-", dir="/tmp" if user else None))
    if user:
        owner = pwd.getpwnam(user)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    told = ["-D", str(folder / "data"), "-U", "elicence", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run([binaries() / "initdb", *told], user=user, cwd=folder, check=True, capture_output=True)
    server = Server(folder, Ports.free().chain)
    command: list[str | Path] = [
        binaries() / "postgres",
        "-D",
        folder / "data",
        "-p",
        str(server.port),
        "-k",
        folder,
        "-h",
        "127.0.0.1",
    ]
    process = subprocess.Popen(command, user=user, cwd=folder, stderr=subprocess.DEVNULL)
    try:
        _await(server, process)
        yield server
    finally:
        process.send_signal(signal.SIGINT)  # a fast shutdown
        process.wait(20)
        shutil.rmtree(folder)


def _await(server: Server, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        try:
            psycopg.connect(server.url("postgres"), connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            assert process.poll() is None, "PostgreSQL has ended"
            signal.sigtimedwait([], 0.1)
    raise AssertionError("PostgreSQL does not answer")
