"""Databases for the tests of the store: SQLite and PostgreSQL, the same tests on both."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.stores.postgresql import Server, serving


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
