"""The door: scripts/kill-test --licences N --kills K --seed S [--database sqlite|postgresql]."""

import argparse
import sys
from contextlib import ExitStack
from statistics import quantiles

from tests.kill.killing import Report, Run, run
from tests.stores.postgresql import serving


def main() -> int:
    """Runs, reports, and is 1 when an invariant is broken."""
    parser = argparse.ArgumentParser(prog="scripts/kill-test", description=__doc__)
    parser.add_argument("--licences", type=int, default=1_000)
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    given = parser.parse_args()
    with ExitStack() as stack:
        url = stack.enter_context(serving()).database() if given.database == "postgresql" else ""
        report = run(Run(given.licences, given.kills, given.seed, url), lambda line: print(line, flush=True))
    _print(report, given.licences)
    return 1 if report.violations else 0


def _print(report: Report, licences: int) -> None:
    cuts = quantiles(report.answers, n=100) if len(report.answers) > 1 else [0.0] * 99
    print(f"\n{licences} licences, {report.acts} acts, {report.kills} kills in {report.seconds:.0f} s")
    print(f"after seconds: { ({name: round(value) for name, value in report.phases.items()}) }")
    print(f"killed at points: {dict(sorted(report.points.items()))}")
    print(f"killed at random: {dict(sorted(report.victims.items()))}")
    print(
        f"{report.errors} requests without an answer, asked again; {report.looks} times a revoked licence was seen so"
    )
    print(
        f"answered after: median {cuts[49] * 1000:.0f} ms, 99 of 100 within {cuts[98]:.1f} s (kills included)"
    )
    again = sorted(report.restarts)
    print(f"all up again: median {again[len(again) // 2]:.1f} s, at most {again[-1]:.1f} s")
    for line in report.violations[:50]:
        print(f"VIOLATION {line}")
    print(f"violations: {len(report.violations)}")


if __name__ == "__main__":
    sys.exit(main())
