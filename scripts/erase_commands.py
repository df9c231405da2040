"""Commands that end data: erasing a holder, purging what was kept long enough. They print counts, never a name."""

import json
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Annotated, Any

import typer
from rich.console import Console

from registry import erasing, retention
from registry.erasing import Order, Plan
from registry.errors import InvalidError
from registry.house import House, build, own_signer
from registry.scrubbing import scrub
from registry.settings import Mode, read_settings

Saying = Callable[[], AbstractContextManager[None]]
Json = Annotated[bool, typer.Option("--json", help="print one JSON object, last, on standard output")]
Yes = Annotated[bool, typer.Option("--yes", help="do not ask")]
Compact = Annotated[
    bool, typer.Option("--compact", help="rewrite the tables, for PostgreSQL; nobody works meanwhile")
]
Subject = Annotated[str, typer.Option("--subject", help="the holder's code; -: read it from standard input")]
CodeType = Annotated[
    str, typer.Option("--code-type", help="111, 001 …: only if several holders have the code")
]
Basis = Annotated[str, typer.Option("--basis", help="the legal basis, without names or numbers of people")]
_console = Console(stderr=True, soft_wrap=True)
_AFTER = (
    "Backups made before this still hold it under the wrapping keys of their day: run `elicence rotate-key`, then take "
    "a new backup. Keep a copy of the erasure journal apart from the backups: a restore needs it."
)


def register(app: typer.Typer, saying: Saying, tell: Callable[[dict[str, Any], bool], None]) -> None:
    """Adds the commands; how errors and results are said is the door's."""

    @app.command("erase")
    def erase_command(
        subject: Subject = "",
        basis: Basis = "",
        code_type: CodeType = "",
        resume: Annotated[bool, typer.Option("--resume", help="end erasures that were begun")] = False,
        compact: Compact = False,
        yes: Yes = False,
        as_json: Json = False,
    ) -> None:
        """Erase a holder for good (PIPL 47): licences are cancelled on the chain, then all that names him is
        destroyed. Nobody can undo it."""
        with saying():
            code = _read_code(subject)
            if code and code in basis:
                raise InvalidError(
                    "法律依据中不得含个人信息", "the legal basis must not hold the holder's code"
                )
            here = _house()
            found = _resume(here) if resume else _erase(here, (code, code_type), Order(basis), yes=yes)
            if compact:
                scrub(here.store, compact=True)
            here.store.close()
            tell(found, as_json)

    @app.command("purge")
    def purge_command(
        dry: Annotated[bool, typer.Option("--dry-run", help="count only, end nothing")] = False,
        compact: Compact = False,
        as_json: Json = False,
    ) -> None:
        """End what was kept long enough, class by class, and report it. Meant to be run every night."""
        with saying():
            here = build(read_settings())
            report = retention.purge(here, dry=dry, compact=compact)
            here.store.close()
            _tell_report(report, as_json)


def _house() -> House:
    settings = read_settings()
    return build(settings, own_signer(settings))


def _read_code(subject: str) -> str:
    return typer.get_text_stream("stdin").readline().strip() if subject == "-" else subject.strip()


def _erase(here: House, who: tuple[str, str], order: Order, *, yes: bool) -> dict[str, Any]:
    code, code_type = who
    if not code or not order.legal_basis.strip():
        raise InvalidError("请指明主体和法律依据", "--subject and --basis are needed (or --resume alone)")
    plan = erasing.plan(here, code, code_type or None)
    _console.print(_words(plan), highlight=False)
    if not yes:
        typer.confirm("Erase it for good?", abort=True, err=True)
    done = erasing.erase(here, plan.subject, order)
    _drop_samples(here)
    _console.print(_AFTER, highlight=False)
    return {
        "subject": plan.subject,
        "licences": done.licences,
        "documents": done.documents,
        "answers": done.answers,
    }


def _words(plan: Plan) -> str:
    departments = ", ".join(map(str, plan.departments)) or "none"
    return f"{plan.licences} licences of departments {departments}, {plan.documents} documents"


def _resume(here: House) -> dict[str, Any]:
    done = erasing.resume(here, Order("resumed"))
    return {"erased": len(done), "licences": sum(each.licences for each in done.values())}


def _drop_samples(here: House) -> None:
    """The demo renders some licences into its home folder; whose they are is not written down."""
    if here.settings.mode is Mode.DEMO:
        shutil.rmtree(here.settings.home / "samples", ignore_errors=True)


def _tell_report(report: list[retention.Line], as_json: bool) -> None:
    if as_json:
        told = {
            line.kind.name: {"days": line.days, "due": line.found, "purged": line.purged} for line in report
        }
        print(json.dumps(told))
        return
    for line in report:
        _console.print(
            f"  {line.kind.zh} · {line.kind.en}: kept {line.days} days, {line.found} due, {line.purged} purged",
            highlight=False,
        )
