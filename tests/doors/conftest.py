"""One office whose database lies on a small disk of its own, for every test of the doors."""

import gc
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doors.running import Process, Running, running
from tests.registry.office import Office, open_office


@pytest.fixture(scope="session")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A tmpfs of 16 MiB; for who is not root a folder, which no test fills."""
    folder = tmp_path_factory.mktemp("disk")
    if os.geteuid() != 0:
        yield folder
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "elicence-test", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory, disk: Path) -> Iterator[Office]:
    home = tmp_path_factory.mktemp("office") / "home"
    with open_office(home, database=f"sqlite:///{disk / 'registry.db'}") as made:
        made.issue()
        made.settle()
        yield made
    gc.collect()


@pytest.fixture(scope="session")
def house(office: Office, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The office's signer runs as its own process."""
    with running(office, tmp_path_factory.mktemp("logs")) as made:
        made.signer()
        yield made


@pytest.fixture(scope="module")
def web(house: Running) -> Process:
    """A web process that no test harms."""
    return house.web()
