"""Two verifiers that share no code, Python and JavaScript, answer alike: on the suite, and on 10,000 mutated codes."""

import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from licence.dictionary import DICTIONARIES
from licence.reasons import Check, Reason
from licence.text import base45, read_base45, unpack
from scripts import npm
from tests.conformance.cases import FILE, Case, answer_json, cases, judged, rendered
from tests.licence import vectors, wallet
from tests.licence.vectors import golden
from tests.licence.wallet import HOLDER
from verifier.trust import PLIGHTS

HERE = Path(__file__).parent
MUTANTS = 10_000
STATIC = HERE.parent.parent / "verifier" / "static" / "licence"
ALL = list(cases())


def second_verifier(*arguments: str) -> list[dict[str, Any]]:
    run = subprocess.run(
        ["node", str(HERE / "run.mjs"), str(FILE), *arguments],
        env=npm.tools(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


def test_the_suite_on_disk_is_the_suite() -> None:
    assert FILE.read_text("utf-8") == rendered(), "python -m tests.conformance.cases writes it anew"


def test_the_suite_is_large_and_has_all_three_verdicts() -> None:
    said = [judged(case).verdict.value for case in ALL]
    assert len(ALL) >= 200
    assert min(said.count(verdict) for verdict in ("VALID", "INVALID", "UNDETERMINED")) >= 15
    assert len({case.name for case in ALL}) == len(ALL)


@pytest.mark.parametrize("case", ALL, ids=[case.name for case in ALL])
def test_each_case_has_the_reason_that_its_name_promises(case: Case) -> None:
    found = judged(case)
    assert found.reason is case.expected
    assert [finding.check for finding in found.findings] == list(Check)
    assert found.now == case.now or found.facts is None


def test_every_reason_that_a_presentation_can_have_is_in_the_suite() -> None:
    """Those of the verifier's own plight (no chain, no witness) come with no facts, and so with no case."""
    plights = {reason.name for reason in PLIGHTS}
    masked = {"STATUS_UNKNOWN", "SIGNATURE_NOT_JUDGED", "ISSUER_NOT_JUDGED"}  # named only beside others
    named = {reason for case in ALL if (reason := answer_json(judged(case))["reason"])}
    assert {reason.name for reason in Reason} - named <= plights | masked


def test_both_verifiers_answer_every_case_alike() -> None:
    suite = json.loads(FILE.read_text("utf-8"))
    answers = second_verifier()
    assert len(answers) == len(suite["cases"])
    for case, answer in zip(suite["cases"], answers, strict=True):
        assert answer == case["expected"], case["name"]


def test_both_hold_the_same_dictionary() -> None:
    assert (STATIC / "dictionary-1.txt").read_bytes() == DICTIONARIES[1]


def test_both_verifiers_answer_ten_thousand_mutants_alike(tmp_path: Path) -> None:
    first = next(case for case in ALL if case.name == "business-paper")
    texts = list(mutants(first, random.Random(20260101)))
    assert len(texts) == MUTANTS
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps(text) + "\n" for text in texts), "utf-8")
    theirs = second_verifier(str(path), "business", str(first.now))
    for text, answer in zip(texts, theirs, strict=True):
        mine = answer_json(judged(Case("", text, first.base, first.facts, first.now, None)))
        assert answer == mine, text
        assert mine["verdict"] != "VALID" or is_another_spelling(text, first.text), text


def is_another_spelling(text: str, good: str) -> bool:
    """Whether a code unpacks to the very same bytes: deflate has many streams for one content, and proves none."""
    return text.startswith("ELR1:") and unpack(text) == unpack(good)


def mutants(case: Case, chance: random.Random) -> Iterator[str]:
    """Codes, files and credentials that differ from good ones in one to three places, the check renewed or not."""
    g = golden("business")
    bound = wallet.wallet(g, ["entName", "scope"], now=case.now, holder=HOLDER.public).shown(case.now)
    forms = [case.text, g.paper.text(0), g.file.render().decode(), bound]
    made = 0
    while made < MUTANTS:
        form = forms[made % len(forms)]
        text = _mutated_code(form, chance) if form.startswith("ELR1:") else _mutated_text(form, chance)
        if text not in forms:
            made += 1
            yield text


def _mutated_code(text: str, chance: random.Random) -> str:
    body = bytearray(read_base45(text[5:])[:-4])
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(body))
        body[place] ^= 1 << chance.randrange(8)
    if chance.random() < 0.1:
        del body[chance.randrange(len(body)) :]
    return vectors.resealed(bytes(body)) if chance.random() < 0.9 else "ELR1:" + base45(bytes(body))


def _mutated_text(text: str, chance: random.Random) -> str:
    letters = list(text)
    for _ in range(chance.randint(1, 3)):
        place, kind = chance.randrange(len(letters)), chance.randrange(4)
        if kind == 0:
            letters[place] = chr(ord(letters[place]) ^ 1 << chance.randrange(6))
        elif kind == 1:
            del letters[place]
        elif kind == 2:
            letters.insert(place, letters[chance.randrange(len(letters))])
        else:
            letters[place] = chance.choice('{}[]",:~.01-e\\ Aé')
    return "".join(letters)
