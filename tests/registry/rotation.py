"""What the tests of rotation need: copies of a database, a crowd of holders, a rotation that is killed at a moment."""

import os
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
from sqlmodel import func, select

from registry.house import House
from registry.store import Store
from registry.tables import Subject
from registry.vault import Vault
from scripts.stack import ROOT
from tests.registry.office import Office
from tests.stores.postgresql import binaries

_PROGRAM = """
import sys, time
from registry import wrapping
from registry.house import build
from registry.rotating import rotate
from registry.settings import read_settings

def stop(*_):
    print("here", flush=True)
    time.sleep(600)

def after(deed):
    def played(*given):
        deed(*given)
        stop()
    return played

moment = sys.argv[1]
if moment == "a new key was made":
    wrapping.WrappingFiles.make = after(wrapping.WrappingFiles.make)
if moment == "every key is wrapped, none destroyed":
    wrapping.WrappingFiles.destroy = stop
if moment == "the old key was destroyed":
    wrapping.WrappingFiles.destroy = after(wrapping.WrappingFiles.destroy)
rotate(build(read_settings()), stop if moment == "some keys are wrapped" else lambda count: None)
"""
MOMENTS = [
    "a new key was made",
    "some keys are wrapped",
    "every key is wrapped, none destroyed",
    "the old key was destroyed",
]


def environment(office: Office) -> dict[str, str]:
    settings = office.house.settings
    return {
        **os.environ,
        "ELICENCE_HOME": str(settings.home),
        "ELICENCE_CHAIN_URL": settings.chain_url,
        "ELICENCE_DATABASE_URL": settings.database_url,
        "PYTHONPATH": str(ROOT),
    }


def killed(office: Office, moment: str) -> None:
    """A rotation in a process of its own, killed (-9) at that moment."""
    command = [sys.executable, "-c", _PROGRAM, moment]
    with subprocess.Popen(command, env=environment(office), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        process.send_signal(signal.SIGKILL)


def command(office: Office, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """One command of the command line over an office's home."""
    told = [sys.executable, "-m", "scripts.main", *arguments]
    return subprocess.run(
        told, env=environment(office), cwd=ROOT, input=typed, capture_output=True, text=True, timeout=120
    )


def crowd(house: House, count: int) -> None:
    """As many holders at least, with data keys and nothing else."""
    with house.store.read() as session:
        known = session.exec(select(func.count()).select_from(Subject)).one()
    holders(house, count - known)


def holders(house: House, count: int = 1) -> None:
    """So many new holders."""
    with house.store.write() as session:
        for _ in range(count):
            index = os.urandom(32)
            key = house.vault.new_key(index.hex())[1]
            session.add(Subject(name=secrets.token_hex(16), holder_index=index, wrapped_key=key))


def copied(store: Store, folder: Path) -> Store:
    """A copy of the whole database, opened."""
    seal = bytes  # nobody writes to a backup
    if store.dialect == "sqlite":
        path = folder / "copy.db"
        with closing(sqlite3.connect(str(store.engine.url.database))) as source:
            source.execute("VACUUM INTO ?", [str(path)])
        return Store(f"sqlite:///{path}", seal)
    url = store.engine.url.set(drivername="postgresql")
    name = f"copy{secrets.token_hex(4)}"
    with psycopg.connect(url.render_as_string(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    there = url.set(database=name).render_as_string()
    subprocess.run(
        [binaries() / "psql", "-q", "-d", there], input=dumped(store), check=True, stdout=subprocess.DEVNULL
    )
    return Store(there, seal)


def dumped(store: Store) -> bytes:
    """The database as its thief would have it."""
    if store.dialect == "sqlite":
        path = Path(str(store.engine.url.database))
        return b"".join(each.read_bytes() for each in path.parent.glob(f"{path.name}*"))
    url = store.engine.url.set(drivername="postgresql").render_as_string()
    return subprocess.run([binaries() / "pg_dump", "-d", url], check=True, capture_output=True).stdout


def others(house: House, folder: Path) -> Iterator[House]:
    """The same registry in another process, and where the database allows it on another machine."""
    yield replace(house, vault=Vault.open(house.settings.vault))
    if house.store.dialect == "postgresql":
        away = folder / secrets.token_hex(4)
        shutil.copytree(house.settings.keys, away / "keys", ignore=shutil.ignore_patterns("*.sock"))
        settings = house.settings.model_copy(update={"home": away})
        yield replace(house, settings=settings, vault=Vault.open(settings.vault))
