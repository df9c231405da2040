"""The words of every verdict, read from words.toml: the only place where a reason becomes a sentence."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from licence.reasons import Check, Outcome, Reason

Both: TypeAlias = dict[str, str]


@dataclass(frozen=True, slots=True)
class Saying:
    """Title, meaning and advice, each as {"zh": …, "en": …}."""

    title: Both
    text: Both
    advice: Both


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "words.toml").read_text("utf-8"))


def saying(reason: Reason | None) -> Saying:
    """What is said for a reason; None: for VALID."""
    table = _table()
    return Saying(**(table["verdict"]["VALID"] if reason is None else table["reason"][reason.name]))


def check_name(check: Check) -> Both:
    """What a check is called."""
    name: Both = _table()["check"][str(check.value)]
    return name


def outcome_name(outcome: Outcome) -> Both:
    """What an outcome is called."""
    name: Both = _table()["outcome"][outcome.value]
    return name
