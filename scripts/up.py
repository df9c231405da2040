"""`elicence up`: the system on one machine, filled with the demo if asked, until Ctrl-C; and helpers of its doors."""

import json
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from sqlmodel import select

from contracts.deployment import Deployment
from licence.status import Act, Status
from localchain import genesis
from registry import worker
from registry.showing import show
from registry.tables import Licence
from scripts import seeding
from scripts.inventing import licences
from scripts.stack import Ports, Stack, StackError, running


@dataclass(frozen=True, slots=True)
class Plan:
    """What to start: the home folder, the ports, another chain's node or none, and whether to fill it."""

    home: Path
    ports: Ports
    chain: str
    demo: bool


def up(plan: Plan, console: Console) -> None:
    """Starts everything and stays.

    Raises:
        StackError: something cannot start, or has stopped.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    stack = Stack(plan.home, plan.ports, plan.chain)
    try:
        console.print("正在启动 · starting …")
        with running(stack):
            if plan.demo:
                fill(stack, console)
            _greet(stack, console)
            stack.watch()
    except KeyboardInterrupt:
        console.print("已停止 · stopped; everything is kept in " + str(plan.home))


def fill(stack: Stack, console: Console) -> None:
    """Admits the demo's departments and issues its licences; what is there already is left as it is."""
    house = stack.house()
    seeding.admit_all(stack, house)
    report = seeding.import_table(house, seeding.TABLE)
    issued = [seeding.issue_invented(house, invented) for invented in licences(date.today())]
    fresh = len(report.issued) + sum(1 for each in issued if each)
    console.print(f"演示证照 · demo licences: {fresh} issued now, anchoring …")
    worker.wait_idle(house)
    _samples(stack, console)


def _samples(stack: Stack, console: Console) -> None:
    """Puts one licence of each kind of fate into files, to try things with."""

    folder, house = stack.home / "samples", stack.house()
    folder.mkdir(exist_ok=True)
    wanted = {
        "valid": (Licence.department == 1, Licence.status == 0),
        "revoked": (Licence.act == int(Act.REVOKED),),
        "superseded": (Licence.status == int(Status.SUPERSEDED),),
    }
    with house.store.read() as session:
        for name, conditions in wanted.items():
            found = session.exec(select(Licence).where(*conditions)).first()
            if found is not None:
                shown = show(house, session, found)
                (folder / f"{name}.json").write_bytes(shown.file())
                (folder / f"{name}.png").write_bytes(shown.png())
                (folder / f"{name}.txt").write_text(shown.paper(), "utf-8")
    console.print(f"样例 · samples: {folder}/valid.json, valid.png, revoked.json …")


def _greet(stack: Stack, console: Console) -> None:
    console.print(f"\n[bold]核验 · verifier[/]   {stack.verifier}/")
    console.print(f"[bold]登记 · registry[/]   {stack.registry}/api/docs")
    console.print(f"[bold]链 · chain[/]        {stack.settings.chain_url}")
    path = stack.home / "demo_logins.json"
    if path.exists():
        console.print("部门密钥 · bearer keys of the departments:")
        names = {str(item.id): f"{item.name_zh} · {item.name_en}" for item in seeding.applicants()}
        for number, token in json.loads(path.read_text("utf-8")).items():
            console.print(f"  {number}  {token}  [dim]{names.get(number, '')}[/]", highlight=False)
    console.print(
        "演示系统，单一运营者，无法律效力 · a demonstration, one operator, no legal force. Ctrl-C stops it.\n"
    )


def let_in_local(home: Path) -> Callable[[Sequence[str]], None]:
    """Tells the local chain of this home, if there is one, of accounts that may send."""

    def let_in(accounts: Sequence[str]) -> None:
        if (home / "chain" / "genesis.json").exists():
            genesis.admit(home / "chain", *accounts)

    return let_in


def read_pins(home: Path) -> Deployment:
    """The pins of a home folder.

    Raises:
        StackError: there are none.
        PinError: the file is broken.
    """
    path = home / "deployment.json"
    if not path.exists():
        raise StackError(
            f"no {path}: say where it is with --home, or start the system with `elicence up` first"
        )
    return Deployment.from_json(path.read_text("utf-8"))


def ask_verifier(url: str, data: bytes) -> dict[str, Any]:
    """What a verifier says about a licence file, a code's text or a picture of a code.

    Raises:
        StackError: it does not answer, or cannot read the picture.
    """
    try:
        with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
            text = data.decode("utf-8", "replace")
            if data[:4] in (b"\x89PNG", b"RIFF") or data[:2] == b"\xff\xd8":
                read = client.post("/api/v1/decode", content=data)
                if read.status_code != 200:
                    raise StackError(str(read.json()["title"]))
                text = read.json()["presentation"]
            answer: dict[str, Any] = client.post("/api/v1/verify", json={"presentation": text}).json()
    except httpx.HTTPError as error:
        raise StackError(
            f"no verifier at {url} ({type(error).__name__}): start it with `elicence up`"
        ) from error
    if "verdict" not in answer:
        raise StackError(str(answer.get("title", "the verifier refuses the request")))
    return answer


def print_verdict(found: dict[str, Any], console: Console) -> None:
    """A verdict for people: the headline and the eight checks."""
    colour = {"VALID": "green", "INVALID": "red"}.get(found["verdict"], "yellow")
    title, text = found["title"], found["text"]
    console.print(
        f"[bold {colour}]{title['zh']} · {title['en']}[/]  {text['zh']} {text['en']}", highlight=False
    )
    for check in found["checks"]:
        name, said = check["name"], check["said"]
        console.print(
            f"  {check['number']} {name['zh']} · {name['en']}: {said['zh']} · {said['en']}", highlight=False
        )
