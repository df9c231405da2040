import gc
from collections.abc import Iterator

import pytest

from scripts import seeding
from tests.nodes.nodes import anvil_node
from tests.registry.office import Office, open_office


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with open_office(tmp_path_factory.mktemp("office") / "home") as made:
        yield made
    gc.collect()


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Office, str]]:
    """An office with one department on an anvil, which can be made to go back, and that node's address."""
    with anvil_node() as url:
        home = tmp_path_factory.mktemp("town") / "home"
        with open_office(home, url, seeding.applicants()[:1]) as made:
            yield made, url
    gc.collect()
