"""Commands for the registry's keys. They print names of keys, never a key."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from sqlmodel import func, select

from registry.house import House, build, own_signer
from registry.rotating import rotate
from registry.settings import Settings, read_settings
from registry.signer import COUNCIL, Role
from registry.tables import Document, Subject
from registry.wrapping import Generation, WrappingFiles

Saying = Callable[[], AbstractContextManager[None]]
Json = Annotated[bool, typer.Option("--json", help="print one JSON object, last, on standard output")]
_console = Console(stderr=True, soft_wrap=True)
_WARNING = (
    "Backups of the database made before this cannot be opened afterwards, and nobody can undo it. It is so only once "
    "every copy of the old wrapping key is destroyed too: copies of key files, snapshots of this disk, the token's "
    "backup. Take a new backup of the database and of the keys as soon as it is done."
)


def register(app: typer.Typer, saying: Saying, tell: Callable[[dict[str, Any], bool], None]) -> None:
    """Adds the commands; how errors and results are said is the door's."""

    @app.command("rotate-key")
    def rotate_key_command(
        yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False, as_json: Json = False
    ) -> None:
        """Make a new wrapping key, wrap every data key under it, destroy the old one. Backups made before this cannot
        be opened afterwards: take a new one, and destroy every copy of the old key."""
        with saying():
            tell(rotate_key(yes=yes), as_json)

    @app.command("keys")
    def keys_command(as_json: Json = False) -> None:
        """Say where the keys are, which generations wrap, and who the council is: for the record of a ceremony."""
        with saying():
            tell(inventory(), as_json)


def rotate_key(*, yes: bool) -> dict[str, Any]:
    """Rotates the wrapping key of the environment's registry, after asking, and says what came of it."""
    _console.print(_WARNING, highlight=False)
    if not yes:
        typer.confirm("Rotate the wrapping key?", abort=True, err=True)
    house = build(read_settings())
    with Progress(console=_console, transient=True) as progress:
        task = progress.add_task("data keys", total=_data_keys(house))
        done = rotate(house, lambda count: progress.update(task, advance=count))
    house.store.close()
    _console.print("Take a new backup now.")
    return {"generation": done.generation, "wrapped": done.wrapped, "destroyed": list(done.destroyed)}


def inventory() -> dict[str, Any]:
    """What keys there are and where, for the record of a key ceremony."""
    settings = read_settings()
    house = build(settings, own_signer(settings))
    found = {
        "mode": str(settings.mode),
        "signing_keys": _place(settings.pkcs11_token if settings.pkcs11_module else "", settings.keys),
        "wrapping_keys": {str(one): _place(*where) for one, where in _generations(settings, house)},
        "council": house.signer.account(COUNCIL, Role.COUNCIL),
    }
    house.store.close()
    return found


def _generations(settings: Settings, house: House) -> Iterator[tuple[Generation, tuple[str, Path]]]:
    in_files = WrappingFiles(settings.vault).generations()
    for generation in house.vault.wrapping.generations():
        label = "" if generation in in_files else settings.pkcs11_wrapping_token
        yield generation, (label, settings.vault)


def _place(label: str, folder: Path) -> str:
    return f"token {label}" if label else f"files in {folder}"


def _data_keys(house: House) -> int:
    with house.store.read() as session:
        kinds = (select(func.count()).select_from(Subject), select(func.count()).select_from(Document))
        return sum(session.exec(kind).one() for kind in kinds)
