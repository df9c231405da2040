"""The embedded chain: py-evm over SQLite, durable, permissioned, one operator. Imports nothing else of elicence.

Tamper-evident under one operator: it does not replace validators who distrust each other.
"""

import os

os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")
VERSION = "localchain/0.1 (single operator, tamper-evident; not a network of validators)"
