"""What a chain starts from: chain id, time, funded accounts. Written once, compared at every start."""

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from eth_utils import is_address

GAS_LIMIT = 15_000_000
FUND = 10**24


class ChainFolderError(Exception):
    """The data folder cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Genesis:
    """Chain id, genesis time (Unix seconds), and the accounts that hold play money from the start."""

    chain_id: int
    time: int
    funded: tuple[str, ...]


def init(folder: Path, chain_id: int, funded: list[str]) -> Genesis:
    """Writes genesis.json and the list of admitted accounts into an empty data folder.

    Raises:
        ChainFolderError: there is a chain already, or something is no address.
    """
    path = folder / "genesis.json"
    if path.exists():
        raise ChainFolderError(f"{path} exists: this folder has a chain already; choose another folder")
    for address in funded:
        if not is_address(address):
            raise ChainFolderError(f"{address} is no address (0x and 40 hex digits expected)")
    folder.mkdir(parents=True, exist_ok=True)
    genesis = Genesis(chain_id, int(time.time()), tuple(address.lower() for address in funded))
    admit(folder, *genesis.funded)
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(asdict(genesis), indent=2) + "\n", "utf-8")
    os.replace(temporary, path)
    return genesis


def load(folder: Path) -> Genesis:
    """Reads genesis.json.

    Raises:
        ChainFolderError: there is none, or it is not one.
    """
    try:
        data = json.loads((folder / "genesis.json").read_text("utf-8"))
        return Genesis(int(data["chain_id"]), int(data["time"]), tuple(data["funded"]))
    except FileNotFoundError as error:
        raise ChainFolderError(
            f"no chain in {folder}: run `python -m localchain init --data {folder}` first"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ChainFolderError(f"{folder / 'genesis.json'} is broken: restore it from a backup") from error


def admit(folder: Path, *addresses: str) -> None:
    """Adds accounts to those whose transactions are let in; a running chain sees it at once."""
    path = folder / "accounts"
    known = path.read_text("utf-8").split() if path.exists() else []
    new = [address.lower() for address in addresses if address.lower() not in known]
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"{address}\n" for address in new)
        file.flush()
        os.fsync(file.fileno())
