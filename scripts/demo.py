"""The demo: a licence's whole life on a system of its own, every step checked. Prints a table, gives the counts."""

import secrets
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sqlmodel import func, select

from licence.facts import Asked
from licence.keys import Kid, NetworkId
from licence.reasons import Reason
from licence.status import Status
from registry import presenting, worker
from registry.house import House
from registry.issuing import signing_key
from registry.showing import Shown, show
from registry.store import department_by_id
from registry.tables import Batch, Licence
from scripts import seeding
from scripts.forgeries import Material, forgeries
from scripts.inventing import licences
from scripts.stack import Ports, Stack, StackError, running
from scripts.wallet import Wallet
from verifier.audit import audit
from verifier.chain import Node
from verifier.fetching import Fetcher
from verifier.follower import Follower
from verifier.memory import Memory
from verifier.trust import Trust
from verifier.verifying import look_at

_BUSINESS = 1


@dataclass(slots=True)
class Outcome:
    """What the demo found. `wrong` names everything that was not as it must be."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)
    forged: list[tuple[str, str, bool]] = field(default_factory=list)
    batches: int = 0
    issued: int = 0
    anchored: int = 0
    audit_ok: bool = False

    def as_json(self, seconds: float, setup_seconds: float) -> dict[str, Any]:
        """The object that --json prints."""
        words = ("valid", "expired", "superseded", "cancelled", "revoked")
        return {
            "issued": self.issued,
            "anchored": self.anchored,
            "batches": self.batches,
            **{word: self.counts[word.upper()] for word in words},
            "forgeries_tried": len(self.forged),
            "forgeries_refused": sum(1 for *_, refused in self.forged if refused),
            "audit_ok": self.audit_ok,
            "seconds": round(seconds, 1),
            "setup_seconds": setup_seconds,
            "wrong": self.wrong,
        }


@dataclass(frozen=True, slots=True)
class Walk:
    """One run: the system, its deeds, where to print."""

    stack: Stack
    house: House
    console: Console
    outcome: Outcome
    client: httpx.Client

    @contextmanager
    def step(self, zh: str, en: str) -> Iterator[list[str]]:
        """One line of the table; the block appends what it found."""
        found: list[str] = []
        started = time.monotonic()
        with self.console.status(f"{zh} · {en} …"):
            yield found
        took = f"{time.monotonic() - started:.1f} s"
        self.outcome.lines.append((f"{zh} · {en}", "，".join(found)))
        self.console.print(f"  [green]✓[/] {zh} · {en}: {', '.join(found)} [dim]({took})[/]")


def walk(table: Path, console: Console, chain_url: str = "", keep: Path | None = None) -> Outcome:
    """Walks the main job on a fresh system and gives what it found.

    Raises:
        StackError, RegistryError: something that the demo needs does not work.
    """
    home = keep or Path(tempfile.mkdtemp(prefix="elicence-demo-"))
    outcome = Outcome()
    try:
        stack = Stack(home, Ports.free(), chain_url)
        with running(stack), httpx.Client(timeout=30, trust_env=False) as client:
            run = Walk(stack, stack.house(), console, outcome, client)
            _live(run, table)
    finally:
        if keep is None:
            shutil.rmtree(home, ignore_errors=True)
    return outcome


def _live(run: Walk, table: Path) -> None:
    with run.step("部署与准入", "network founded, departments admitted") as found:
        found.append(f"{len(seeding.admit_all(run.stack, run.house))} departments")
    with run.step("导入", f"{table.name} imported") as found:
        _import(run, table, found)
    with run.step("签发", "invented licences issued") as found:
        made = [seeding.issue_invented(run.house, invented) for invented in licences(date.today())]
        found.append(f"{sum(1 for each in made if each)} licences of {len(seeding.definitions()) - 1} types")
    with run.step("上链", "batches anchored, acts effective") as found:
        worker.wait_idle(run.house)
        _count(run, found)
    with run.step("暂扣与恢复", "one suspended and reinstated") as found:
        _suspend(run, found)
    shown = _all_shown(run)
    with run.step("核验", "every licence, from its paper code and its file") as found:
        _verify(run, shown, found)
    with run.step("钱包", "a licence in a wallet, shown field by field") as found:
        _wallet(run, found)
    with run.step("防伪", "forgeries tried") as found:
        _forge(run, shown)
        found.append(
            f"{sum(1 for *_, refused in run.outcome.forged if refused)} of {len(run.outcome.forged)} refused"
        )
    with run.step("审计", "every root and status rebuilt from public data") as found:
        _audit(run, found)


def _import(run: Walk, table: Path, found: list[str]) -> None:
    report = seeding.import_table(run.house, table)
    again = seeding.import_table(run.house, table)
    found += [f"{report.rows} rows", f"{len(report.issued)} issued", f"{report.acts} ended by acts"]
    found.append(f"again: {len(again.issued)} issued, {again.known} known")
    for rejection in report.rejected:
        why = "; ".join(problem.en for problem in rejection.problems)
        run.outcome.wrong.append(f"{table.name}, line {rejection.line}: {why}")
    if again.issued or again.acts:
        run.outcome.wrong.append("importing again issued or ended something twice")


def _count(run: Walk, found: list[str]) -> None:
    with run.house.store.read() as session:
        batches = session.exec(select(Batch)).all()
        run.outcome.issued = session.exec(select(func.count()).select_from(Licence)).one()
    final = [batch for batch in batches if batch.block is not None]
    run.outcome.batches, run.outcome.anchored = len(final), sum(batch.size for batch in final)
    found += [f"{run.outcome.anchored} licences", f"{len(final)} batches"]
    if run.outcome.anchored != run.outcome.issued:
        run.outcome.wrong.append(f"{run.outcome.issued} issued, {run.outcome.anchored} anchored")


def _suspend(run: Walk, found: list[str]) -> None:
    """Through the HTTP door, as a department does it."""
    with run.house.store.read() as session:
        licence = session.exec(select(Licence).where(Licence.department == _BUSINESS)).first()
        if licence is None:
            raise LookupError("no business licence was issued")
        text = show(run.house, session, licence).paper()
    for act, reason in (("SUSPENDED", "SUSPENDED"), ("REINSTATED", None)):
        token = seeding.login(run.stack.home, _BUSINESS)
        answer = run.client.post(
            f"{run.stack.registry}/api/v1/status-acts",
            headers={"authorization": f"Bearer {token}", "idempotency-key": act},
            json={"act": act, "licences": [licence.id], "legal_basis": "演示"},
        )
        worker.wait_idle(run.house)
        seen = _await_reason(run, text, reason)
        found.append(f"{act.lower()} → {seen or 'VALID'}")
        if answer.status_code != 202 or seen != reason:
            run.outcome.wrong.append(f"{act}: HTTP {answer.status_code}, verifier says {seen}")


def _await_reason(run: Walk, text: str, reason: str | None) -> str | None:
    """What the verifier says, once it has seen the newest block."""
    for _ in range(100):
        seen: str | None = _ask(run, text)["reason"]
        if seen == reason:
            break
        time.sleep(0.1)
    return seen


def _all_shown(run: Walk) -> list[tuple[Licence, Shown]]:
    with run.house.store.read() as session:
        rows = session.exec(select(Licence).order_by("row")).all()
        return [(row, show(run.house, session, row)) for row in rows]


def _verify(run: Walk, shown: Sequence[tuple[Licence, Shown]], found: list[str]) -> None:
    _await_head(run)
    longest = 0
    with Progress(console=run.console, transient=True) as progress:
        task = progress.add_task("核验 · verifying", total=len(shown))
        for licence, each in shown:
            paper, file = each.paper(), each.file().decode()
            longest = max(longest, len(paper))
            said = {_ask(run, text)["reason"] or "VALID" for text in (paper, file)}
            run.outcome.counts[next(iter(said)) if len(said) == 1 else "DISAGREE"] += 1
            if said != {_expected(run, licence)}:
                run.outcome.wrong.append(f"licence {licence.id}: {said}, {_expected(run, licence)} expected")
            progress.advance(task)
    found += [f"{count} {word}" for word, count in run.outcome.counts.most_common()]
    found.append(f"longest code {longest} characters")


def _expected(run: Walk, licence: Licence) -> str:
    if licence.status == Status.INVALID:
        return {1: "WITHDRAWN", 2: "REVOKED", 3: "CANCELLED"}[licence.act or 0]
    if licence.status == Status.SUPERSEDED:
        return "SUPERSEDED"
    if licence.nbf > run.house.now:
        return "NOT_YET_VALID"
    return "EXPIRED" if licence.exp is not None and licence.exp <= run.house.now else "VALID"


def _await_head(run: Walk) -> None:
    head = int(run.house.chain.request("eth_blockNumber", []), 16)
    for _ in range(200):
        seen = run.client.get(f"{run.stack.verifier}/api/v1/network").json()
        if seen["head"] and seen["head"]["block"] >= head and all(d["complete"] for d in seen["departments"]):
            return
        time.sleep(0.1)
    run.outcome.wrong.append(f"the verifier did not read up to block {head}: {seen['doubt']}")


def _ask(run: Walk, text: str, asked: Asked | None = None) -> Mapping[str, Any]:
    question = {"presentation": text}
    if asked is not None:
        question |= {"audience": asked.audience, "nonce": asked.nonce}
    answer: Mapping[str, Any] = run.client.post(f"{run.stack.verifier}/api/v1/verify", json=question).json()
    return answer


def _wallet(run: Walk, found: list[str]) -> None:
    """Issued to a wallet's key, shown to the counter that asked; then what a thief would try with it."""
    wallet, asked = Wallet(), Asked("https://counter.example", secrets.token_urlsafe(16))
    with run.house.store.read() as session:
        wanted = select(Licence).where(Licence.department == _BUSINESS, Licence.status == int(Status.VALID))
        row = session.exec(wanted).first()
        if row is None:
            raise StackError("the demo needs a valid business licence")
        wallet.credential = presenting.credential(run.house, session, row, names=None, holder=wallet.key)
    now = run.house.now
    text = wallet.show(["entName", "scope"], asked, now)
    seen = _ask(run, text, asked)
    names = [each["name"] for each in seen["fields"]]
    if (seen["verdict"], seen["holder_binding"], names) != ("VALID", "device", ["entName", "scope"]):
        run.outcome.wrong.append(
            f"the wallet's licence: VALID with two fields expected, {seen['reason']} found"
        )
    found += [
        f"{len(wallet.credential)} characters",
        f"2 of {wallet.credential.count('~') - 1} fields shown",
        "VALID",
    ]
    other = Asked("https://other.example", asked.nonce)
    _refused(run, ("出示给另一单位", "shown to another counter"), (text, other), Reason.WRONG_AUDIENCE)
    stripped = wallet.choose(["entName"])
    _refused(
        run, ("去掉持证人证明", "the holder's proof stripped"), (stripped, asked), Reason.HOLDER_PROOF_MISSING
    )
    thief = Wallet(wallet.credential).show(["entName"], asked, now)
    _refused(run, ("另一部手机", "another phone"), (thief, asked), Reason.HOLDER_PROOF_BAD)
    old = wallet.show(["entName"], asked, now - 600)
    _refused(run, ("十分钟前的出示", "shown ten minutes ago"), (old, asked), Reason.TOKEN_EXPIRED)


def _refused(run: Walk, name: tuple[str, str], shown: tuple[str, Asked], reason: Reason) -> None:
    seen = _ask(run, *shown)
    refused = seen["verdict"] == "INVALID" and seen["reason"] == reason.name
    _note(run, name, reason, (str(seen["reason"] or "VALID"), refused))


def _forge(run: Walk, shown: Sequence[tuple[Licence, Shown]]) -> None:
    for forgery in forgeries(_material(run, shown)):
        seen = _ask(run, forgery.text)
        refused = seen["verdict"] != "VALID" and seen["reason"] == forgery.reason.name
        _note(run, forgery.name, forgery.reason, (str(seen["reason"] or "VALID"), refused))
    trust = _own_trust(run)
    late = look_at(trust, shown[-1][1].paper(), run.house.now + 3_600)
    _note(run, ("过旧的链上数据", "facts an hour old"), Reason.STATUS_STALE, _seen(late.reason))
    trust.index.head = None
    blind = look_at(trust, shown[-1][1].paper(), run.house.now)
    _note(run, ("读不到链", "no chain to ask"), Reason.CHAIN_UNREACHABLE, _seen(blind.reason))


def _seen(reason: Reason | None) -> tuple[str, bool]:
    wanted = (Reason.STATUS_STALE, Reason.CHAIN_UNREACHABLE)
    return (reason.name if reason else "VALID"), reason in wanted


def _note(run: Walk, name: tuple[str, str], reason: Reason, seen: tuple[str, bool]) -> None:
    run.outcome.forged.append((" · ".join(name), seen[0], seen[1]))
    if not seen[1]:
        run.outcome.wrong.append(f"forgery «{name[1]}»: {reason.name} expected, {seen[0]} found")


def _own_trust(run: Walk) -> Trust:
    """A verifier of our own, to hold it back in time."""
    pins = run.house.chain.demand_pins()
    trust = Trust(pins, 60)
    memory = Memory(run.stack.home / "second" / "index.db", pins.network_id)
    node = Node(run.stack.settings.chain_url, pins)
    Follower(trust, node, Fetcher(f"{run.stack.registry}/public"), memory).look()
    return trust


def _material(run: Walk, shown: Sequence[tuple[Licence, Shown]]) -> Material:
    def first(**wanted: object) -> Shown:
        return next(
            s for row, s in shown if all(getattr(row, name) == value for name, value in wanted.items())
        )

    with run.house.store.read() as session:
        other_kid = signing_key(run.house, session, department_by_id(session, 2)).kid
    business = [s for row, s in shown if row.department == _BUSINESS]
    return Material(
        network=NetworkId(run.house.chain.demand_pins().network),
        shown=business[0],
        other=first(department=2),
        other_kid=Kid(bytes.fromhex(other_kid)),
        revoked=first(act=2),
        superseded=first(status=int(Status.SUPERSEDED)),
        sign=lambda kid, entry: run.house.signer.sign_entries(kid, [entry])[0],
    )


def _audit(run: Walk, found: list[str]) -> None:
    pins = run.house.chain.demand_pins()
    result = audit(pins, run.stack.settings.chain_url, f"{run.stack.registry}/public")
    run.outcome.audit_ok = not result.differences
    found += [f"{result.anchors} anchors", f"{result.leaves} leaves", f"{result.statuses} statuses"]
    found.append("proven by storage" if result.proven else "told by the node")
    found.append(f"{len(result.differences)} differences")
    run.outcome.wrong += [
        f"audit: {d.where}: {d.expected} expected, {d.found} found" for d in result.differences
    ]


def report(outcome: Outcome, console: Console, seconds: float) -> None:
    """The tables at the end."""
    forged = Table(title="伪造与结果 · forgeries and what the verifier said", title_justify="left")
    for heading in ("伪造 · forgery", "结论 · reason", ""):
        forged.add_column(heading)
    for name, reason, refused in outcome.forged:
        forged.add_row(name, reason, "[green]✓ 拒绝 refused[/]" if refused else "[red]✕[/]")
    console.print(forged)
    counted = Table(title="证照 · licences by verdict", title_justify="left")
    for heading in ("结论 · verdict", "数量 · count"):
        counted.add_column(heading)
    for word, count in outcome.counts.most_common():
        counted.add_row(word, str(count))
    console.print(counted)
    for wrong in outcome.wrong:
        console.print(f"[red]✕ {wrong}[/]")
    verdict = (
        "[green]一切符合预期 · all is as expected[/]"
        if not outcome.wrong
        else "[red]有不符之处 · not as expected[/]"
    )
    console.print(f"{verdict} [dim]({seconds:.1f} s)[/]")
