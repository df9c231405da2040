import gc
from collections.abc import Iterator

import pytest

from tests.registry.office import Office, open_office


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with open_office(tmp_path_factory.mktemp("office") / "home") as made:
        yield made
    gc.collect()
