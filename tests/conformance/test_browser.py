"""The second verifier where it will live: in a real browser, over the whole suite."""

import json
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from tests.conformance.cases import FILE

ROOT = Path(__file__).resolve().parent.parent.parent
RUN = """async ([suite, base]) => {
  const [{ examine }, { readFacts }, { hex, sha256, utf8 }, { jcs }] = await Promise.all(
    ["examine", "facts", "bytes", "json"].map((name) => import(`${base}/${name}.mjs`)));
  const words = new Uint8Array(await (await fetch(`${base}/dictionary-1.txt`)).arrayBuffer());
  const dictionaries = new Map([[1, words]]);
  const answers = [];
  for (const one of suite.cases) {
    const facts = await readFacts({ ...suite.facts[one.facts], ...one.with }, suite.definitions);
    const found = await examine(one.presentation, facts, one.now, dictionaries);
    answers.push({
      verdict: found.verdict,
      reason: found.reason,
      checks: found.checks.map(({ outcome, reason }) => [outcome, reason]),
      flags: found.flags.sort(),
      values_sha256: found.values && hex(await sha256(utf8(jcs(found.values)))),
    });
  }
  return answers;
}"""


class Quiet(SimpleHTTPRequestHandler):
    """Serves the verifier's static files, and says nothing."""

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@pytest.fixture
def base() -> Iterator[str]:
    handler = partial(Quiet, directory=str(ROOT / "verifier" / "static"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_browser_answers_every_case_like_the_others(base: str) -> None:
    suite = json.loads(FILE.read_text("utf-8"))
    program = shutil.which("chromium")
    assert program, "chromium is needed: scripts/test installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        page = browser.new_page()
        page.goto(f"{base}/icon.svg")
        answers = page.evaluate(RUN, [suite, f"{base}/licence"])
        browser.close()
    for case, answer in zip(suite["cases"], answers, strict=True):
        assert answer == case["expected"], case["name"]
