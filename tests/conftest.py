"""Every test: a quiet environment, and the fast keccak."""

import os

os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")
for _name in [name for name in os.environ if name.startswith("ELICENCE_")]:
    del os.environ[_name]
