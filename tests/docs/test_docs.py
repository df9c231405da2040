"""The documents speak of what is there; every public name of licence/ says what it takes, gives and raises."""

import ast
import hashlib
import json
import re
from pathlib import Path

import pytest

from licence.dictionary import DICTIONARIES
from licence.reasons import Check, Outcome, Reason
from registry.settings import Settings as RegistrySettings
from verifier import words
from verifier.settings import Settings as VerifierSettings

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "tests" / "vectors" / "README.md"]
MODULES = sorted((ROOT / "licence").glob("*.py"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_and_every_named_file_is_there(page: Path) -> None:
    text = page.read_text("utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target
    for name in re.findall(
        r"`((?:licence|registry|verifier|contracts|scripts|localchain|tests|docs)/[\w./-]+)`", text
    ):
        assert (ROOT / name).exists(), name


def test_the_readme_is_short_and_says_what_it_is() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(text.splitlines()) <= 120
    for promise in (
        "one operator",
        "no legal force",
        "No SM2",
        "gesture",
        "scripts/run demo",
        "scripts/test",
        "planned",
    ):
        assert promise in text


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    for settings in (RegistrySettings, VerifierSettings):
        for name in settings.model_fields:
            assert f"ELICENCE_{name.upper()}" in text, name


def test_the_dictionaries_are_the_pinned_ones() -> None:
    text = (ROOT / "docs" / "format.md").read_text("utf-8")
    for number, words_ in DICTIONARIES.items():
        if number:
            assert f"| {number} | `{hashlib.sha256(words_).hexdigest()}` |" in text


def test_every_reason_check_and_outcome_has_its_words() -> None:
    for reason in [None, *Reason]:
        said = words.saying(reason)
        for part in (said.title, said.text, said.advice):
            assert set(part) == {"zh", "en"}
            assert all(part.values())
    for check in Check:
        assert words.check_name(check)["zh"]
    for outcome in Outcome:
        assert words.outcome_name(outcome)["en"]


def public(module: Path) -> list[ast.FunctionDef | ast.ClassDef]:
    tree = ast.parse(module.read_text("utf-8"))
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    for node in list(found):
        if isinstance(node, ast.ClassDef):
            found += [inner for inner in node.body if isinstance(inner, ast.FunctionDef)]
    return [node for node in found if not node.name.startswith("_")]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_every_public_name_of_licence_is_described(module: Path) -> None:
    assert ast.get_docstring(ast.parse(module.read_text("utf-8")))
    for node in public(module):
        text = ast.get_docstring(node)
        assert text, f"{module.name}: {node.name}"
        raised = [
            inner.exc.func.id
            for inner in ast.walk(node)
            if isinstance(node, ast.FunctionDef)
            and isinstance(inner, ast.Raise)
            and isinstance(inner.exc, ast.Call)
            and isinstance(inner.exc.func, ast.Name)
            and not inner.exc.func.id.startswith("_")
        ]
        assert not raised or "Raises:" in text or any(name in text for name in raised), (
            f"{module.name}: {node.name}"
        )


CITED = [
    "merkle",
    "canonical",
    "codes",
    "entry",
    "claims",
    "text",
    "keys",
    "examine",
    "paper",
    "file",
    "status",
]


@pytest.mark.parametrize("name", CITED)
def test_the_source_of_each_rule_is_cited(name: str) -> None:
    text = (ROOT / "licence" / f"{name}.py").read_text("utf-8")
    assert re.search(r"RFC \d{4}|GB/?T? ?\d+|ISO 7064|docs/format\.md|Token Status List", text)


def test_no_number_of_a_real_region_is_in_the_repository() -> None:
    """Citizen ids begin with 99: a region that GB/T 2260 does not assign."""
    pattern = re.compile(
        r"(?<![0-9A-Fa-f])[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[0-9X](?![0-9A-Fa-f])"
    )
    for path in ROOT.rglob("*"):
        if path.suffix in (".py", ".md", ".toml", ".json", ".csv", ".js") and not set(path.parts) & {
            ".venv",
            "node_modules",
            ".state",
        }:
            for found in pattern.findall(path.read_text("utf-8", "replace")):
                assert found.startswith("99"), f"{path.name}: {found[:6]}…"


def test_every_strict_word_has_its_case_in_the_suite() -> None:
    page = (ROOT / "docs" / "conformance.md").read_text("utf-8")
    table = page.partition("## Strict words")[2]
    suite = json.loads((ROOT / "tests" / "vectors" / "conformance.json").read_text("utf-8"))
    known = {case["name"] for case in suite["cases"]}
    cells = [row.split("|")[2] for row in table.splitlines() if row.startswith("|")][2:]
    named = {name for cell in cells for name in re.findall(r"`([a-z0-9-]+)`", cell)}
    assert len(cells) >= 20
    assert len(named) >= 60
    assert named <= known
