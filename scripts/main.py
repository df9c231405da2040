"""The command line: reads arguments, calls the deeds, says what came of it. `elicence --help` lists the commands."""

import json
import mimetypes
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer
from rich.console import Console
from rich.progress import Progress
from sqlmodel import Session

from contracts.deployment import PinError
from licence.definition import LicenceType
from licence.errors import LicenceError, RecordError
from licence.keys import Usage
from licence.status import Act
from localchain.genesis import ChainFolderError
from registry import acts, documents, importing, issuing, onboarding, presenting, showing, worker
from registry.errors import RegistryError
from registry.house import House, build, own_signer
from registry.mapping import RowMapping
from registry.rows import read_table
from registry.settings import SettingsError, read_settings
from registry.store import department_by_id, licence_of
from scripts import (
    backup_commands,
    demo,
    erase_commands,
    fsck_commands,
    key_commands,
    seeding,
    tamper,
    up,
    witness_commands,
)
from scripts.stack import Ports, StackError
from verifier.audit import audit as run_audit
from verifier.chain import NodeError

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="e-licence registry"
)
demos = typer.Typer(invoke_without_command=True, help="Walk a licence's whole life, every step checked.")
departments = typer.Typer(no_args_is_help=True, help="Admit departments; renew keys and bearer keys.")
types = typer.Typer(no_args_is_help=True, help="Permit type versions.")
app.add_typer(demos, name="demo")
app.add_typer(departments, name="department")
app.add_typer(types, name="type")

console = Console(stderr=True, soft_wrap=True)
PORTS = Ports()
Home = Annotated[Path, typer.Option(envvar="ELICENCE_HOME", help="where everything is kept")]
Json = Annotated[bool, typer.Option("--json", help="print one JSON object, last, on standard output")]
Id = Annotated[int, typer.Argument(help="the department's number")]
_EXPECTED = (
    RegistryError, LicenceError, StackError, SettingsError, ChainFolderError, PinError, NodeError, tamper.TamperError,
)  # fmt: skip


@contextmanager
def saying() -> Iterator[None]:
    """What is expected to go wrong becomes a sentence and exit code 1; everything else is a bug and shows itself."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    try:
        yield
    except RecordError as error:
        for problem in error.problems:
            console.print(f"[red]✕[/] {problem.field}: {problem.zh} · {problem.en}")
        raise typer.Exit(1) from error
    except _EXPECTED as error:
        console.print(f"[red]✕[/] {error}", highlight=False)
        raise typer.Exit(1) from error
    except FileNotFoundError as error:
        console.print(f"[red]✕[/] no such file: {error.filename}")
        raise typer.Exit(1) from error


def house() -> House:
    """The deeds over the settings of the environment, with the keys in this process: commands run on the registry's
    own machine, by its operator."""
    settings = read_settings()
    return build(settings, own_signer(settings))


def tell(found: dict[str, Any], as_json: bool) -> None:
    """Prints a result."""
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    for name, value in found.items():
        console.print(f"  [dim]{name}[/] {value}", highlight=False)


@app.command("up")
def up_command(
    home: Home = Path(".state"),
    with_demo: Annotated[
        bool, typer.Option("--demo", help="admit the demo departments, issue demo licences")
    ] = False,
    chain: Annotated[str, typer.Option(help="another node's JSON-RPC instead of the local chain")] = "",
    chain_port: int = PORTS.chain,
    registry_port: int = PORTS.registry,
    verifier_port: int = PORTS.verifier,
) -> None:
    """Start everything: chain, signer, registry, worker, verifier. Stays until Ctrl-C."""
    with saying():
        up.up(
            up.Plan(home.resolve(), Ports(chain_port, registry_port, verifier_port), chain, with_demo),
            console,
        )


@demos.callback()
def demo_command(
    context: typer.Context,
    csv: Annotated[
        Path, typer.Option(help="a table in the columns of Chicago's business licences")
    ] = seeding.TABLE,
    as_json: Json = False,
    chain: Annotated[str, typer.Option(help="another node's JSON-RPC instead of the local chain")] = "",
) -> None:
    """Walk a licence's whole life on a fresh system; exit 0 only if all is as expected."""
    if context.invoked_subcommand is not None:
        return
    started = time.monotonic()
    with saying():
        outcome = demo.walk(csv, console, chain)
    seconds = time.monotonic() - started
    demo.report(outcome, console, seconds)
    if as_json:
        print(json.dumps(outcome.as_json(seconds, float(os.environ.get("ELICENCE_SETUP_SECONDS", "0")))))
    raise typer.Exit(1 if outcome.wrong else 0)


@demos.command("tamper")
def tamper_command(
    home: Home = Path(".state"),
    undo: Annotated[bool, typer.Option("--undo", help="put everything back")] = False,
) -> None:
    """Break our trust: edit the database and the files behind the registry's back; audit and verifier find it."""
    with saying():
        for line in tamper.undo(home) if undo else tamper.tamper(home):
            console.print(f"  {line}", highlight=False)


@app.command()
def deploy() -> None:
    """Put the contracts on the chain and write deployment.json; checks it if it is there."""
    with saying():
        settings = read_settings()
        pins = onboarding.deploy(settings, own_signer(settings))
        tell({"network": pins.network_id, **pins.addresses}, False)


@departments.command("admit")
def admit(
    file: Annotated[Path, typer.Argument(help="a TOML file like scripts/demo_data/departments.toml")],
    types_folder: Annotated[Path | None, typer.Option(help="folder of further type definitions")] = None,
    as_json: Json = False,
) -> None:
    """Admit the departments of a file; prints each one's bearer key, once."""
    with saying():
        wanted = seeding.applicants(file, types_folder)
        for item in onboarding.admit(house(), wanted, up.let_in_local(read_settings().home)):
            tell({"department": item.department.id, "bearer_key": item.token}, as_json)


@departments.command("renew-key")
def renew_key(department: Id, usage: Annotated[str, typer.Option(help="issue or present")] = "issue") -> None:
    """Give a department a new key; what the old one signed stays good. Presenting keys live 90 days."""
    with saying():
        if usage not in ("issue", "present"):
            raise StackError(f"{usage}: issue or present expected")
        key = onboarding.renew_key(house(), department, Usage[usage.upper()])
        tell({"kid": key.kid.hex()}, False)


@departments.command("new-token")
def new_token(department: Id) -> None:
    """Give a department a new bearer key; the old one ends now."""
    with saying():
        tell({"bearer_key": onboarding.new_token(house(), department)}, False)


@types.command("permit")
def permit(
    department: Id, definition: Annotated[Path, typer.Argument(help="a type definition in TOML")]
) -> None:
    """Let a department issue one more type version."""
    with saying():
        kind = LicenceType.from_toml(definition.read_text("utf-8"))
        onboarding.permit(house(), department, kind)
        tell({"type": kind.code, "version": kind.version, "digest": kind.digest.hex()}, False)


@app.command()
def issue(
    department: Id,
    record: Annotated[Path, typer.Argument(help='JSON: {"type": …, "values": {…}, "succeeds": "RENEWED"?}')],
    as_json: Json = False,
) -> None:
    """Issue one licence from a JSON file."""
    with saying():
        here, asked = house(), json.loads(record.read_text("utf-8"))
        succeeds = Act[asked["succeeds"]] if asked.get("succeeds") else None
        order = issuing.Order(asked["type"], asked["values"], asked.get("version"), succeeds)
        with here.store.write() as session:
            row = issuing.issue(here, session, department_by_id(session, department), order)
        tell(dict(showing.summary(row, None)), as_json)


@app.command("import")
def import_table(
    department: Id,
    table: Annotated[Path, typer.Argument(help="CSV or JSON lines, in UTF-8 or GB18030")],
    mapping: Annotated[Path, typer.Argument(help="TOML: which column is which field")] = seeding.MAPPING,
    dry: Annotated[bool, typer.Option("--dry-run", help="check everything, store nothing")] = False,
    as_json: Json = False,
) -> None:
    """Import a table of licences; rejected rows are listed with every reason, by line. Safe to repeat."""
    with saying(), Progress(console=console, transient=True) as progress:
        here, columns = house(), RowMapping.from_toml(mapping.read_text("utf-8"))
        rows = read_table(table, columns)
        bar = progress.add_task("导入 · importing", total=len(rows))
        with here.store.read() as session:
            row = department_by_id(session, department)
        job = importing.start(
            here, row, columns, dry=dry, progress=lambda done: progress.update(bar, completed=done)
        )
        report = importing.run(job, rows)
    for rejection in report.rejected:
        for problem in rejection.problems:
            console.print(
                f"  line {rejection.line}: {problem.field} {problem.zh} · {problem.en}", highlight=False
            )
    counts = {"rows": report.rows, "issued": len(report.issued), "known": report.known, "acts": report.acts}
    tell({**counts, "rejected": len(report.rejected)}, as_json)
    raise typer.Exit(1 if report.rejected else 0)


@app.command()
def attach(
    department: Id,
    file: Annotated[Path, typer.Argument(help="a photo or original: JPEG, PNG or PDF, at most 10 MiB")],
) -> None:
    """Encrypt and keep a photo or original; prints the digest that goes into the licence's field."""
    with saying():
        here = house()
        with here.store.read() as session:
            row = department_by_id(session, department)
        media_type = mimetypes.guess_type(file.name)[0] or ""
        kept = documents.keep(here, row, file.read_bytes(), media_type)
        tell({"digest": kept.digest, "size": kept.size}, False)


@app.command()
def status(
    department: Id,
    act: Annotated[str, typer.Argument(help="WITHDRAWN, REVOKED, CANCELLED, SUSPENDED or REINSTATED")],
    licences: Annotated[list[str], typer.Argument(help="licence ids")],
    basis: Annotated[str, typer.Option(help="the legal basis")],
) -> None:
    """Record a legal act on licences; the worker makes it effective on the chain."""
    with saying():
        here = house()
        if act not in ("WITHDRAWN", "REVOKED", "CANCELLED", "SUSPENDED", "REINSTATED"):
            raise StackError(f"{act}: WITHDRAWN, REVOKED, CANCELLED, SUSPENDED or REINSTATED expected")
        with here.store.write() as session:
            rows = [licence_of(session, department, public_id) for public_id in licences]
            ask = acts.Ask(Act[act], rows, basis, "operator")
            request = acts.record(here, session, department_by_id(session, department), ask)
        tell({"request": request, "state": "recorded"}, False)


@app.command()
def work() -> None:
    """Take everything that waits to the chain, then end. `up` runs a worker of its own."""
    with saying():
        worker.run_until_idle(house())


@app.command()
def present(
    department: Id,
    licence_id: str,
    form: Annotated[str, typer.Option(help="file, receipt, text, svg, png or sd-jwt")] = "text",
    out: Annotated[Path | None, typer.Option(help="write to this file instead of standard output")] = None,
) -> None:
    """Make a form of a licence: its file, receipt, or paper code."""
    with saying():
        here = house()
        with here.store.read() as session:
            data = _form(here, session, (department, licence_id), form)
        if out is None:
            sys.stdout.buffer.write(data)
        else:
            out.write_bytes(data)


def _form(here: House, session: Session, licence: tuple[int, str], form: str) -> bytes:
    if form == "sd-jwt":
        row = licence_of(session, *licence)
        return presenting.credential(here, session, row, names=None, holder=None).encode()
    shown = showing.show(here, session, licence_of(session, *licence))
    makers = {"file": shown.file, "svg": shown.svg, "png": shown.png}
    if form in makers:
        return makers[form]()
    if form == "receipt":
        return json.dumps(shown.receipt.to_json()).encode()
    if form == "text":
        return shown.paper().encode()
    raise StackError(f"{form}: file, receipt, text, svg, png or sd-jwt expected")


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="a licence file, a code's text, or a picture of a code")],
    url: Annotated[str, typer.Option(help="the verifier's address")] = f"http://127.0.0.1:{PORTS.verifier}",
    as_json: Json = False,
) -> None:
    """Ask a verifier about a licence; exit 0 only if it is VALID."""
    with saying():
        found = up.ask_verifier(url, file.read_bytes())
        if as_json:
            print(json.dumps(found, ensure_ascii=False))
        else:
            up.print_verdict(found, console)
    raise typer.Exit(0 if found["verdict"] == "VALID" else 1)


@app.command()
def audit(
    home: Home = Path(".state"),
    chain: Annotated[str, typer.Option(help="JSON-RPC of a chain node")] = f"http://127.0.0.1:{PORTS.chain}",
    mirror: Annotated[str, typer.Option(help="base URL of the public files")] = (
        f"http://127.0.0.1:{PORTS.registry}/public"
    ),
    as_json: Json = False,
) -> None:
    """Rebuild every root and status from the chain and the public files alone; exit 0 only if nothing differs."""
    with saying():
        pins = up.read_pins(home)
        found = run_audit(pins, chain, mirror)
    for difference in found.differences:
        console.print(
            f"[red]✕[/] {difference.where}: {difference.expected}; found {difference.found}", highlight=False
        )
    counts = {
        "block": found.block,
        "departments": found.departments,
        "keys": found.keys,
        "anchors": found.anchors,
        "leaves": found.leaves,
        "statuses": found.statuses,
        "proven": found.proven,
        "differences": len(found.differences),
    }
    tell(counts, as_json)
    raise typer.Exit(1 if found.differences else 0)


for commands in (backup_commands, erase_commands, fsck_commands, key_commands, witness_commands):
    commands.register(app, saying, tell)

if __name__ == "__main__":
    app()
