"""`elicence fsck`: the operator looks at its own store. It reads, and mends nothing; the registry may run meanwhile."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, TaskID

from registry.errors import RegistryError
from registry.fsck.checking import Said, check
from registry.fsck.finding import Finding, Unsettled
from registry.settings import read_settings

Saying = Callable[[], AbstractContextManager[None]]
Json = Annotated[bool, typer.Option("--json", help="print one JSON object, last, on standard output")]
LISTED = 10_000
_console = Console(stderr=True, soft_wrap=True)


@dataclass
class Report:
    """What fsck said. Findings beyond LISTED are counted, and were shown as they came."""

    found: int = 0
    listed: list[Finding] = field(default_factory=list)
    unsettled: list[Unsettled] = field(default_factory=list)

    @property
    def exit(self) -> int:
        """0: all is well; 1: something is not; 2: nothing was found wrong, but not all could be found out."""
        if self.found:
            return 1
        return 2 if self.unsettled else 0

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "ok": self.exit == 0,
            "found": self.found,
            "findings": [finding.as_json() for finding in self.listed],
            "not_found_out": [each.as_json() for each in self.unsettled],
        }


def register(app: typer.Typer, saying: Saying, tell: Callable[[dict[str, Any], bool], None]) -> None:
    """Adds the command; how errors and results are said is the door's."""

    @app.command("fsck")
    def fsck_command(as_json: Json = False) -> None:
        """Check the store: every row, record, root, status, file and key against each other and the chain. Names each
        bad item. Exit 0: all is well; 1: something is not; 2: it could not be found out."""
        with saying(), Progress(console=_console, transient=True) as progress:
            settings = read_settings()
            try:
                report = collect(check(settings, _Bars(progress).tell))
            except RegistryError as error:
                _console.print(f"[red]✕[/] {error}", highlight=False)
                raise typer.Exit(2) from error
        counts = {"findings": report.found, "not found out": len(report.unsettled)}
        tell(report.as_json() if as_json else counts, as_json)
        raise typer.Exit(report.exit)


def collect(said: Iterator[Said]) -> Report:
    """Shows what is said as it comes, and keeps account of it."""
    report = Report()
    for each in said:
        colour, mark = ("red", "✕") if isinstance(each, Finding) else ("yellow", "?")
        _console.print(f"[{colour}]{mark}[/]", end=" ")
        _console.print(str(each), highlight=False, markup=False)
        if isinstance(each, Unsettled):
            report.unsettled.append(each)
            continue
        report.found += 1
        if len(report.listed) < LISTED:
            report.listed.append(each)
    return report


class _Bars:
    """A bar for what is looked at now; those that are done are gone."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._what, self._task = "", TaskID(0)

    def tell(self, what: str, done: int, total: int) -> None:
        if what != self._what:
            if self._what:
                self._progress.remove_task(self._task)
            self._what, self._task = what, self._progress.add_task(what, total=total or None)
        self._progress.update(self._task, completed=done, total=total or None)
