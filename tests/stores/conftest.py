"""What the tests of the stores run on: SQLite and PostgreSQL, a folder and S3; the same tests on both."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.stores.bucket import S3
from tests.stores.bucket import serving as serving_s3
from tests.stores.postgresql import Server, serving


@dataclass(frozen=True)
class StoreOfObjects:
    """A store's URL, and how it goes away and comes back."""

    url: str
    leave: Callable[[], object]
    come_back: Callable[[], object]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes URLs of empty databases."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path / 'registry.db'}"
    server: Server = request.getfixturevalue("postgresql")
    return server.database


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """A real S3-speaking server, which this process may write to."""
    with serving_s3() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        yield server


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> StoreOfObjects:
    """An empty store of objects, and how it goes away and comes back."""
    if request.param == "folder":
        folder, away = tmp_path / "store", tmp_path / "away"
        return StoreOfObjects(
            folder.as_uri(), leave=lambda: folder.rename(away), come_back=lambda: away.rename(folder)
        )
    server: S3 = request.getfixturevalue("s3")
    return StoreOfObjects(server.bucket(), leave=server.kill, come_back=server.start)
