"""The planted fault: a chain that acknowledges a block before it is committed. Only to see that the test notices."""

import sys

from localchain.__main__ import main
from localchain.chain import LocalChain


def _later(self: LocalChain) -> None:
    if self.head.block_number % 3 == 0 if hasattr(self, "head") else True:
        self.store.commit()


LocalChain.commit = _later  # type: ignore[method-assign]  # the fault itself

if __name__ == "__main__":
    sys.exit(main())
