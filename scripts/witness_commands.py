"""The witness's commands: run it, ask its file, close an alarm with a reason. They need no key but its own."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer
from rich.console import Console

from licence.witness import key_thumbprint
from scripts.stack import StackError
from scripts.up import read_pins
from verifier.notebook import Notebook, NotebookError
from verifier.settings import Settings, SettingsError, read_settings
from verifier.witness_door import open_notebook, serve
from verifier.witness_key import WitnessKey, WitnessKeyError

Saying = Callable[[], AbstractContextManager[None]]
Tell = Callable[[dict[str, Any], bool], None]
ALARM, SILENT = 1, 3
STALE = 60
_console = Console(stderr=True, soft_wrap=True)


def register(app: typer.Typer, saying: Saying, tell: Tell) -> None:
    """Adds the command; how errors and results are said is the door's."""

    @app.command("witness")
    def witness_command(
        home: Annotated[Path | None, typer.Option(help="where deployment.json is")] = None,
        chain: Annotated[str, typer.Option(help="JSON-RPC of a chain node of the witness's own")] = "",
        port: Annotated[int | None, typer.Option(help="port of its statements")] = None,
        file: Annotated[str, typer.Option(help="its own small file; its key lies beside it")] = "",
        check: Annotated[
            bool,
            typer.Option("--check", help="exit 0 if all is well, 1 with an open alarm, 3 if it is silent"),
        ] = False,
        acknowledge: Annotated[int | None, typer.Option(help="close the alarm of this number")] = None,
        reason: Annotated[str, typer.Option(help="why it may be closed; stays in the file")] = "",
        as_json: Annotated[bool, typer.Option("--json", help="print one JSON object, last")] = False,
    ) -> None:
        """Watch the chain from outside: remember numbers, roots and hashes, raise alarms. Stays until Ctrl-C."""
        with saying(), _told():
            wanted = _settings(home, chain, port=port, file=file)
            if not check and acknowledge is None:
                _run(wanted)
                return
            if not wanted.witness_path.exists():
                raise StackError(
                    f"no witness ever ran with {wanted.witness_path}: say where its file is (--file)"
                )
            notebook = open_notebook(wanted, read_pins(wanted.home))
            if acknowledge is not None:
                notebook.acknowledge(acknowledge, reason, int(time.time()))
            found, code = look_up(notebook, int(time.time()))
            notebook.close()
            found["pin"] = key_thumbprint(WitnessKey.open(wanted.witness_path.with_suffix(".key")).public)
            tell(found, as_json)
        raise typer.Exit(code)


def look_up(notebook: Notebook, now: int) -> tuple[dict[str, Any], int]:
    """What stands in a witness's file, and the exit code that says it in one number."""
    looked, alarms = notebook.last_look(), notebook.alarms()
    head = notebook.known().head
    still_open = [each for each in alarms if each.acknowledged is None]
    silent = looked is None or now - looked > STALE
    found = {
        "block": head.number if head else None,
        "looked_seconds_ago": None if looked is None else now - looked,
        "alarms": [
            {
                "number": each.alarm.number,
                "kind": each.alarm.kind.value,
                "block": each.alarm.block,
                "at": each.alarm.at,
                "zh": each.zh,
                "en": each.en,
                "acknowledged": each.acknowledged,
                "reason": each.reason,
            }
            for each in alarms
        ],
        "open": len(still_open),
    }
    return found, ALARM if still_open else SILENT if silent else 0


def _run(settings: Settings) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    serve(settings, read_pins(settings.home))


def _settings(home: Path | None, chain: str, *, port: int | None, file: str) -> Settings:
    """The environment's settings, with what the command line says in their place."""
    told = {"home": home, "chain_url": chain or None, "witness_port": port, "witness_file": file or None}
    return read_settings(**{name: value for name, value in told.items() if value is not None})


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (NotebookError, WitnessKeyError, SettingsError) as error:
        raise StackError(str(error)) from error
