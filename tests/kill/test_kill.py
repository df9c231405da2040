"""Nothing acknowledged is ever lost: 25 kills on SQLite, some on PostgreSQL; and two planted faults are noticed."""

import pytest

from tests.kill.killing import Report, Run, run
from tests.stores.postgresql import serving

pytestmark = pytest.mark.timeout(900)


def test_nothing_acknowledged_is_lost_through_25_kills() -> None:
    report = run(Run(licences=300, kills=25, seed=20261125))
    assert not report.violations, report.violations[:20]
    assert report.kills == 25
    assert report.acts > 0 and report.looks > 0, "nobody looked at a revoked licence"
    assert len(report.points) >= 8, report.points


def test_nothing_acknowledged_is_lost_on_postgresql() -> None:
    with serving() as server:
        report = run(Run(licences=90, kills=6, seed=7, database=server.database()))
    assert not report.violations, report.violations[:20]


def _noticed(report: Report, invariant: str) -> bool:
    return any(line.startswith(invariant) for line in report.violations)


def test_a_registry_that_acknowledges_before_it_commits_is_caught() -> None:
    report = run(Run(licences=90, kills=8, seed=3, planted="ack-before-commit"))
    assert _noticed(report, "I1"), report.violations[:20]


def test_a_root_that_is_no_function_of_the_rows_is_caught() -> None:
    report = run(Run(licences=30, kills=1, seed=4, planted="random-root"))
    assert _noticed(report, "I5"), report.violations[:20]
