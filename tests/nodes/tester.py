"""eth-tester behind JSON-RPC over HTTP, so that the product meets it as it meets any node."""

import ast
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from eth_tester.exceptions import TransactionFailed
from web3 import EthereumTesterProvider, Web3


class Tester:
    """One chain in this process. Blocks are mined at each transaction, at the machine's time."""

    def __init__(self) -> None:
        self.provider = EthereumTesterProvider()
        self.chain: Any = self.provider.ethereum_tester
        self._web3 = Web3(self.provider, middleware=[])
        self._lock = threading.Lock()

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """The answer to one JSON-RPC question."""
        with self._lock:
            try:
                return self._answer(question)
            except TransactionFailed as error:
                fault = {"code": 3, "message": "execution reverted", "data": _reason(error)}
                return {"jsonrpc": "2.0", "id": question["id"], "error": fault}

    def _answer(self, question: dict[str, Any]) -> dict[str, Any]:
        if question["method"] == "eth_sendRawTransaction":
            self._keep_time()
        ask = self.provider.request_func(self._web3, self._web3.middleware_onion)
        found = ask(question["method"], question["params"])
        if "error" in found:
            return {"jsonrpc": "2.0", "id": question["id"], "error": found["error"]}
        return {"jsonrpc": "2.0", "id": question["id"], "result": _plain(found["result"])}

    def _keep_time(self) -> None:
        tester, now = self.chain, int(time.time())
        if tester.get_block_by_number("pending")["timestamp"] < now:
            tester.time_travel(now)


def _reason(error: TransactionFailed) -> str:
    """eth-tester gives the data as the text of a bytes literal."""
    _, _, literal = str(error.args[0]).partition("execution reverted: ")
    return "0x" + ast.literal_eval(literal).hex() if literal.startswith(("b'", 'b"')) else "0x"


def _plain(value: Any) -> Any:
    """What web3's middleware made Python of, as JSON-RPC again."""
    if isinstance(value, dict) or hasattr(value, "items"):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return hex(value)
    return "0x" + value.hex().removeprefix("0x") if isinstance(value, bytes) else value


@contextmanager
def serving(tester: Tester) -> Iterator[str]:
    """Serves a chain on a free port; gives its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            many = isinstance(asked, list)
            found = [tester.answer(each) for each in asked] if many else tester.answer(asked)
            body = json.dumps(found).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
