"""Commands for backups: make and check one, restore one. They print counts and digests, never a key or a value."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from registry import accepting, backup, comparing, erasing, restoring
from registry.backup_file import BackupError
from registry.errors import ChainUnreachableError
from registry.house import House, build, open_vault
from registry.journal import Journal
from registry.settings import Settings, read_settings

Saying = Callable[[], AbstractContextManager[None]]
Tell = Callable[[dict[str, Any], bool], None]
Json = Annotated[bool, typer.Option("--json", help="print one JSON object, last, on standard output")]
BackupFile = Annotated[Path, typer.Argument(help="the backup file")]
_console = Console(stderr=True, soft_wrap=True)
_KEYS_APART = (
    "Keys are not in it: keep the key files (or the token) elsewhere. After `elicence rotate-key` it opens no more: "
    "make a new one."
)
_HELD = (
    "Every department is read-only until the worker has compared it with the chain: start the system. What is "
    "missing is named in the worker's log and in each refusal."
)

_LOSS = (
    "The licences in lost anchors stay valid for who holds them, and this registry can neither show nor end them one "
    "by one. If they must not stay valid, void those anchors and issue again. If there is a newer backup, restore it "
    "instead."
)


def register(app: typer.Typer, saying: Saying, tell: Tell) -> None:
    """Adds the commands; how errors and results are said is the door's."""

    @app.command("backup")
    def backup_command(
        file: BackupFile,
        check: Annotated[
            bool, typer.Option("--verify", help="read this backup wholly instead of making one")
        ] = False,
        as_json: Json = False,
    ) -> None:
        """Write a backup of everything but the keys into one encrypted file; the system goes on working meanwhile."""
        with saying():
            tell(verify_backup(file) if check else make_backup(file), as_json)

    @app.command("restore")
    def restore_command(
        file: BackupFile,
        journal: Annotated[
            list[Path] | None,
            typer.Option(help="a newer erasure journal than the home folder's; may be repeated"),
        ] = None,
        as_json: Json = False,
    ) -> None:
        """Restore a backup into an empty database; erase again what was erased since; hold every department until it
        was compared with the chain."""
        with saying():
            tell(restore_backup(file, journal or []), as_json)

    @app.command("restored")
    def restored_command(
        what: Annotated[str, typer.Argument(help="for the audit trail: which snapshot, by whom")],
        as_json: Json = False,
    ) -> None:
        """Say that the database was put back by other means (snapshot, PostgreSQL's own): before the system starts."""
        with saying():
            tell(mark_restored(what), as_json)

    @app.command("accept-loss")
    def accept_loss_command(
        department: Annotated[int, typer.Argument(help="the department's number")],
        reason: Annotated[str, typer.Option(help="why, for the audit trail: no names of persons")],
        yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
        as_json: Json = False,
    ) -> None:
        """When no newer backup exists: take over from the chain what can be, write the rest down as lost, and go on."""
        with saying():
            tell(accept_loss(department, reason, yes=yes), as_json)


def make_backup(file: Path) -> dict[str, Any]:
    """Makes a backup of the environment's registry, and says what is in it."""
    house = build(read_settings())
    try:
        with Progress(console=_console, transient=True) as progress:
            task = progress.add_task("rows", total=None)
            made = backup.back_up(house, file, lambda _, rows: progress.update(task, advance=rows))
    finally:
        house.store.close()
    _console.print(_KEYS_APART, highlight=False)
    if made.absent:
        _console.print(f"[red]✕[/] {made.absent} documents whose object is gone: run `elicence fsck`")
    return _told(made)


def verify_backup(file: Path) -> dict[str, Any]:
    """Reads a backup wholly.

    Raises:
        BackupError: a row in it was altered before it was backed up.
    """
    found = backup.verify(open_vault(read_settings()), file)
    if found.altered:
        raise BackupError(
            "备份中有被改动的行",
            f"the file is whole, but {found.altered} rows in it do not bear this registry's seal: they were altered "
            "before it was made; run `elicence fsck`",
        )
    return _told(found)


def restore_backup(file: Path, journals: Sequence[Path]) -> dict[str, Any]:
    """Restores a backup into the environment's database, and says what came back and what it does not know."""
    settings = read_settings()
    done = restoring.restore(settings, file, journals=_journals(journals), erase_again=erase_again)
    _console.print(_HELD, highlight=False)
    return {
        "backup": done.header.id,
        "made_at": _day(done.header.made_at),
        **done.counts,
        "erased_again": done.erased,
        "departments_held": done.departments,
        **_strangers(settings),
    }


def mark_restored(what: str) -> dict[str, Any]:
    """Holds every department of a database that was put back by other means."""
    house = build(read_settings())
    try:
        held = restoring.mark_restored(house, what)
    finally:
        house.store.close()
    _console.print(_HELD, highlight=False)
    return {"departments_held": held}


def accept_loss(department: int, reason: str, *, yes: bool) -> dict[str, Any]:
    """Takes over what is missing of a held department, after asking, and says what is lost."""
    _console.print(_LOSS, highlight=False)
    if not yes:
        typer.confirm(f"Go on without what department {department} lacks?", abort=True, err=True)
    house = build(read_settings())
    try:
        return asdict(accepting.accept_loss(house, department, reason))
    finally:
        house.store.close()


def erase_again(house: House, journal: Path) -> int:
    """Erases again whom a journal tells of and the backup brought back; how many holders that were."""
    return erasing.replay(house, Journal.of(house, journal))


def _journals(given: Sequence[Path]) -> list[Path]:
    """The operator's newer ones; one that is named and not there is an error."""
    for path in given:
        path.stat()
    return list(given)


def _strangers(settings: Settings) -> dict[str, Any]:
    """The departments that the chain knows and the backup does not: if they are ours, a newer backup has them."""
    house = build(settings)
    try:
        with house.store.read() as session:
            return {"unknown_departments": comparing.strangers(house, session)}
    except ChainUnreachableError:
        return {"unknown_departments": "the chain does not answer"}
    finally:
        house.store.close()


def _told(found: backup.Summary) -> dict[str, Any]:
    return {
        "backup": found.header.id,
        "made_at": _day(found.header.made_at),
        "schema": found.header.schema,
        **found.counts,
        "absent_objects": found.absent,
        "bytes": found.bytes,
        "sha256": found.digest,
        "seconds": round(found.seconds, 1),
    }


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
