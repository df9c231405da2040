"""The door: init, run, admit.

python -m localchain init  --data DIR --chain-id N --fund ADDRESS …
python -m localchain run   --data DIR [--port 8545]
python -m localchain admit --data DIR ADDRESS …
"""

import argparse
import asyncio
import logging
import socket
import sys
from pathlib import Path

import uvicorn

from localchain import VERSION, genesis
from localchain.genesis import ChainFolderError
from localchain.server import Node


def main() -> int:
    """Parses, does one thing, and says in one sentence what went wrong."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    arguments = _parser().parse_args()
    try:
        if arguments.deed == "init":
            made = genesis.init(arguments.data, arguments.chain_id, arguments.fund)
            print(f"chain {made.chain_id} prepared in {arguments.data}")
        elif arguments.deed == "admit":
            genesis.admit(arguments.data, *arguments.address)
        else:
            asyncio.run(_serve(arguments.data, arguments.port))
    except ChainFolderError as error:
        print(f"localchain: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


async def _serve(folder: Path, port: int) -> None:
    listener = _listen(port)
    node = Node(folder)
    server = uvicorn.Server(
        uvicorn.Config(node, log_level="warning", lifespan="off", http="httptools", loop="uvloop")
    )
    print(_ready(node, listener.getsockname()[1]), flush=True)
    miner = asyncio.create_task(node.mine_forever())
    served = asyncio.create_task(server.serve([listener]))
    done, _ = await asyncio.wait({miner, served}, return_when=asyncio.FIRST_COMPLETED)
    miner.cancel()
    server.should_exit = True
    await asyncio.wait({served}, timeout=5)
    await asyncio.wait({miner}, timeout=5)
    node.chain.close()
    for task in done - {served}:
        task.result()


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Inherited by each connection: else an answer's second part waits 40 ms for the caller's acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
    except OSError as error:
        raise ChainFolderError(
            f"port {port} is in use: choose another with --port, or 0 for any ({error})"
        ) from error
    return listener


def _ready(node: Node, port: int) -> str:
    head = node.chain.head
    return f"ready http://127.0.0.1:{port} chain {node.chain.genesis.chain_id} head {head.block_number} · {VERSION}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m localchain", description=VERSION)
    deeds = parser.add_subparsers(dest="deed", required=True)
    for name in ("init", "run", "admit"):
        deed = deeds.add_parser(name)
        deed.add_argument("--data", type=Path, required=True, help="folder of the chain")
        if name == "init":
            deed.add_argument("--chain-id", type=int, required=True)
            deed.add_argument("--fund", nargs="+", required=True, metavar="ADDRESS")
        elif name == "run":
            deed.add_argument("--port", type=int, default=8545, help="0: any free one, printed when ready")
        else:
            deed.add_argument("address", nargs="+")
    return parser


if __name__ == "__main__":
    sys.exit(main())
