"""The verifier believes nothing unchecked: a node or a file server that hides, alters or goes back is found out."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contracts.deployment import PinError
from licence.reasons import Reason, Verdict
from licence.status import Act
from registry import acts
from registry.acts import Ask
from registry.tables import Licence
from tests.registry.office import Disk, Office
from verifier.audit import audit
from verifier.chain import Node, NodeError
from verifier.fetching import Fetcher, FetchError
from verifier.follower import Follower
from verifier.memory import Memory
from verifier.trust import Trust
from verifier.verifying import answer, look_at

Lie = Callable[[str, list[Any], Any], Any]


class LyingNode(Node):
    """The real node, with some answers changed on their way."""

    lie: Lie = staticmethod(lambda method, params, result: result)

    def many(self, calls: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        results = super().many(calls)
        return [
            self.lie(method, params, result) for (method, params), result in zip(calls, results, strict=True)
        ]


class Watch:
    """A follower over a node that may lie."""

    def __init__(self, office: Office, folder: Path) -> None:
        pins = office.house.chain.demand_pins()
        self.trust = Trust(pins, 60)
        self.node = LyingNode(office.stack.settings.chain_url, pins)
        self.disk = Disk(office.house.settings.public)
        self.memory = Memory(folder / "index.db", pins.network_id)
        self.follower = Follower(self.trust, self.node, self.disk, self.memory)

    def look(self, lie: Lie | None = None) -> str | None:
        self.node.lie = lie or (lambda method, params, result: result)
        self.follower.look()
        return self.trust.doubt

    def close(self) -> None:
        self.node.close()
        self.memory.close()
        self.disk.close()


@pytest.fixture
def watch(office: Office, tmp_path: Path) -> Any:
    made = Watch(office, tmp_path)
    yield made
    made.close()


def end(office: Office, row: Licence, act: Act) -> None:
    with office.house.store.write() as session:
        found = session.get(Licence, row.row)
        assert found is not None
        acts.record(office.house, session, office.department(session), Ask(act, [found], "演示", "test"))
    office.settle()


def reason(office: Office, watch: Watch, row: Licence) -> Reason | None:
    return look_at(watch.trust, office.show(row).paper(), office.house.now).reason


def test_before_anything_was_read_nothing_is_said(office: Office) -> None:
    row = office.issue()
    office.settle()
    fresh = Trust(office.house.chain.demand_pins(), 60)
    found = look_at(fresh, office.show(row).paper(), office.house.now)
    assert (found.verdict, found.reason) == (Verdict.UNDETERMINED, Reason.CHAIN_UNREACHABLE)


def test_a_node_that_hides_a_revocation_is_found_out(office: Office, watch: Watch) -> None:
    row = office.issue()
    office.settle()
    assert watch.look() is None
    assert reason(office, watch, row) is None
    end(office, row, Act.REVOKED)

    def hide(method: str, params: list[Any], result: Any) -> Any:
        return [] if method == "eth_getLogs" else result

    assert "by its events" in str(watch.look(hide))
    assert reason(office, watch, row) is Reason.CHAIN_DISAGREES
    assert watch.look() is None
    assert reason(office, watch, row) is Reason.REVOKED


def test_a_log_left_out_of_the_middle_is_a_gap(office: Office, watch: Watch) -> None:
    assert "expected" in str(
        watch.look(
            lambda method, params, result: result[:4] + result[5:] if method == "eth_getLogs" else result
        )
    )
    assert watch.trust.index.head is None


def test_a_log_whose_data_were_changed_is_found_out(office: Office, watch: Watch) -> None:
    office.issue()
    office.settle()

    def grow(method: str, params: list[Any], result: Any) -> Any:
        if method != "eth_getLogs":
            return result
        return [{**log, "data": "0x" + "00" * 31 + "ff" + log["data"][66:]} for log in result]

    assert watch.look(grow) is not None
    assert watch.trust.disagrees


def test_a_head_that_goes_back_is_found_out(office: Office, watch: Watch) -> None:
    assert watch.look() is None
    head = watch.trust.index.head
    assert head is not None

    def back(method: str, params: list[Any], result: Any) -> Any:
        if method == "eth_getBlockByNumber" and params[0] == "latest":
            return {**result, "number": hex(head.number - 1)}
        return result

    assert "went back" in str(watch.look(back))
    assert watch.trust.reason is Reason.CHAIN_DISAGREES


def test_a_block_that_was_exchanged_is_found_out(office: Office, watch: Watch) -> None:
    assert watch.look() is None

    def other(method: str, params: list[Any], result: Any) -> Any:
        if method == "eth_getBlockByNumber" and params[0] not in ("latest", "0x0"):
            return {**result, "hash": "0x" + "ab" * 32}
        return result

    assert "is another" in str(watch.look(other))


def test_what_was_read_is_remembered_over_a_restart(office: Office, tmp_path: Path) -> None:
    row = office.issue()
    office.settle()
    first = Watch(office, tmp_path)
    assert first.look() is None
    head = first.trust.index.head
    first.close()
    second = Watch(office, tmp_path)
    assert second.trust.index.head == head
    assert second.trust.index.anchors == first.trust.index.anchors
    assert reason(office, second, row) is None
    second.close()


def test_a_chain_that_is_away_lets_a_status_age(office: Office, watch: Watch) -> None:
    row = office.issue()
    office.settle()
    assert watch.look() is None

    def away(method: str, params: list[Any], result: Any) -> Any:
        raise NodeError(method)

    assert "does not answer" in str(watch.look(away))
    text, now = office.show(row).paper(), office.house.now
    assert look_at(watch.trust, text, now).reason is None
    assert look_at(watch.trust, text, now + 3_600).reason is Reason.STATUS_STALE


def test_nonsense_from_a_node_is_a_doubt_and_never_the_end(office: Office, watch: Watch) -> None:
    assert watch.look() is None
    for nonsense in ({}, None, 7, {"number": "0x1"}):

        def garble(method: str, params: list[Any], result: Any, nonsense: object = nonsense) -> Any:
            return nonsense if method == "eth_getBlockByNumber" else result

        assert watch.look(garble)
        assert watch.trust.disagrees
    assert watch.look() is None


def test_another_network_is_not_followed(office: Office, tmp_path: Path) -> None:
    pins = replace(office.house.chain.demand_pins(), network_id="0x" + "11" * 32)
    node = Node(office.stack.settings.chain_url, pins)
    with pytest.raises(PinError, match="code of IssuerRegistry"):
        node.demand_pins()
    node.close()


class Missing(Disk):
    """A file server without leaf files, or with wrong ones."""

    wrong = False

    def get(self, base: str, name: str) -> bytes:
        if name.endswith(".bin"):
            if not self.wrong:
                raise FetchError(name)
            data = super().get(base, name)
            return bytes([data[0] ^ 1]) + data[1:]
        return super().get(base, name)


@pytest.mark.parametrize("wrong", [False, True])
def test_without_the_right_leaf_files_a_paper_code_is_not_judged(
    office: Office, tmp_path: Path, wrong: bool
) -> None:
    row = office.issue()
    office.settle()
    pins = office.house.chain.demand_pins()
    trust, disk = Trust(pins, 60), Missing(office.house.settings.public)
    disk.wrong = wrong
    node, memory = Node(office.stack.settings.chain_url, pins), Memory(tmp_path / "i.db", pins.network_id)
    Follower(trust, node, disk, memory).look()
    assert look_at(trust, office.show(row).paper(), office.house.now).reason is Reason.RECEIPT_UNAVAILABLE
    assert look_at(trust, office.show(row).file().decode(), office.house.now).reason is None
    node.close()
    memory.close()


@pytest.mark.parametrize(
    "base",
    ["http://example.cn", "https://127.0.0.1", "https://localhost", "file:///etc", "https://u@example.cn"],
)
def test_public_files_are_not_fetched_from_inside(base: str) -> None:
    fetcher = Fetcher("")
    with pytest.raises(FetchError):
        fetcher.get(base, "types/x.json")
    fetcher.close()


def test_an_answer_shows_nothing_before_the_signature_holds(office: Office, watch: Watch) -> None:
    row = office.issue()
    office.settle()
    watch.look()
    shown = office.show(row)
    good = answer(watch.trust, shown.paper(), office.house.now)
    assert good["fields"]
    assert good["anchor"]["path"][-1]["makes"] == good["anchor"]["root"] if good["anchor"]["path"] else True
    bad = answer(watch.trust, shown.file().decode().replace("一般项目", "特许项目"), office.house.now)
    assert (bad["verdict"], bad["reason"], bad["fields"]) == ("INVALID", "CONTENT_ALTERED", [])


def test_the_audit_finds_nothing_then_names_what_was_changed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = office.issue()
    office.settle()
    end(office, row, Act.REVOKED)
    disk = _Published(office)
    monkeypatch.setattr("verifier.audit.Fetcher", lambda mirror: disk)
    pins = office.house.chain.demand_pins()
    found = audit(pins, office.stack.settings.chain_url, "")
    assert found.differences == ()
    assert (found.departments, found.leaves >= 1, found.statuses >= 1) == (7, True, True)
    disk.change = True
    found = audit(pins, office.stack.settings.chain_url, "")
    assert any("leaf file of department 1" in d.where for d in found.differences)
    assert any(
        f"entry {row.status_index}" in d.where and d.found == "VALID published" for d in found.differences
    )


class _Published(Disk):
    """The public files with the status lists that the registry would serve; `change` tampers with both."""

    def __init__(self, office: Office) -> None:
        super().__init__(office.house.settings.public)
        self._office, self.change = office, False

    def get(self, base: str, name: str) -> bytes:
        if "/status/" in name:
            data = self._office.call("GET", f"/public/{name}").content
            return bytes(len(data)) if self.change else data
        data = super().get(base, name)
        return bytes([data[0] ^ 1]) + data[1:] if self.change and name.endswith(".bin") else data


def test_a_code_of_nobody_s_is_not_accused(office: Office, watch: Watch) -> None:
    watch.look()
    for text in ("", "https://example.cn/menu", "微信支付", "ELR1", "{"):
        found = look_at(watch.trust, text, office.house.now)
        assert found.verdict is not Verdict.VALID
    assert look_at(watch.trust, "hello", 0).reason is Reason.NOT_OUR_CODE
