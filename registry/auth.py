"""Who is asking: a department, by its bearer key. Sign-in of people comes with roles; this is its seam."""

from registry.errors import NotAllowedError
from registry.house import House
from registry.onboarding import hash_token
from registry.store import department_of
from registry.tables import Department


def department_by(house: House, authorization: str) -> Department:
    """The department of an Authorization header.

    Raises:
        NotAllowedError: no bearer key, or nobody's.
    """
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() == "bearer" and token:
        with house.store.read() as session:
            found = department_of(session, hash_token(token.strip()))
        if found is not None and found.admitted_at:
            return found
    raise NotAllowedError("请提供部门密钥", "a department's bearer key is needed: Authorization: Bearer …")
