"""The preset dictionaries of text codes: common words, so that a code stays small. Bytes never change once released.

A new dictionary gets a new number. SHA-256 of each is pinned in docs/format.md §6 and in a test.
"""

# The commonest words stand last: deflate reaches the end of the dictionary with the shortest distances.
_FIRST = "有限责任公司个体工商户示例省模拟市演示区"

DICTIONARIES: dict[int, bytes] = {0: b"", 1: _FIRST.encode()}
