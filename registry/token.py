"""A PKCS #11 token: opened, logged in to, and asked for its keys by one thread at a time. No key ever leaves it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, NewType

import pkcs11
from pkcs11 import Attribute, ObjectClass

from registry.errors import RegistryError, UnreachableError

Label = NewType("Label", str)
UNREADABLE = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False, Attribute.PRIVATE: True}


class TokenError(RegistryError):
    """A token that is not what the settings say, or a key in it that is not as it must be."""

    code, status = "token", 500

    def __init__(self, en: str) -> None:
        super().__init__("密码设备不符合要求", en)


class TokenUnreachableError(UnreachableError):
    """The token does not answer: taken out, locked, or its driver failed."""

    def __init__(self, label: str, error: Exception) -> None:
        super().__init__("密码设备无法访问", f"token {label} does not answer: {type(error).__name__}")


class Token:
    """One token of one library. Its session is opened at the first question, and anew after a failure."""

    def __init__(self, module: str, label: str, *, pin: str) -> None:
        self._module, self._label, self._pin = module, label, pin
        self._lock = threading.RLock()
        self._open: pkcs11.Session | None = None
        self._found: dict[tuple[ObjectClass, Label, bytes], Any] = {}

    @contextmanager
    def session(self) -> Iterator[pkcs11.Session]:
        """The session, for one thread at a time.

        Raises:
            TokenError: no such library or token, or a wrong PIN.
            TokenUnreachableError: the token does not answer.
        """
        with self._lock:
            try:
                yield self._opened()
            except pkcs11.PKCS11Error as error:
                self._close()
                raise TokenUnreachableError(self._label, error) from error

    def find(self, kind: ObjectClass, label: Label, name: bytes = b"") -> list[Any]:
        """The objects of that kind and label, and of that name (CKA_ID) if one is given.

        Raises:
            TokenError, TokenUnreachableError: as session.
        """
        wanted: dict[Attribute, Any] = {Attribute.CLASS: kind, Attribute.LABEL: label}
        with self.session() as session:
            return list(session.get_objects({**wanted, Attribute.ID: name} if name else wanted))

    def one(self, kind: ObjectClass, label: Label, name: bytes) -> Any | None:
        """The one such object, remembered while the session lasts; None: there is none.

        Raises:
            TokenError: several; or as session.
        """
        with self._lock:
            if (kind, label, name) not in self._found:
                found = self.find(kind, label, name)
                if len(found) > 1:
                    raise TokenError(f"one object {label} {name.hex()} expected, {len(found)} found")
                if not found:
                    return None
                self._found[kind, label, name] = found[0]
            return self._found[kind, label, name]

    def forget(self, kind: ObjectClass, label: Label, name: bytes) -> None:
        """Remembers an object no longer."""
        self._found.pop((kind, label, name), None)

    def _opened(self) -> pkcs11.Session:
        if self._open is None:
            try:
                token = pkcs11.lib(self._module).get_token(token_label=self._label)
                self._open = token.open(rw=True, user_pin=self._pin)
            except (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange, pkcs11.ArgumentsBad) as error:
                raise TokenError(f"token {self._label} refuses its PIN: see ELICENCE_PKCS11_PIN") from error
            except (pkcs11.NoSuchToken, pkcs11.MultipleTokensReturned) as error:
                raise TokenError(
                    f"one token labelled {self._label!r} expected: see ELICENCE_PKCS11_TOKEN"
                ) from error
            except (OSError, RuntimeError) as error:
                # A library that cannot be loaded has an error of no kind of its own.
                if isinstance(error, pkcs11.PKCS11Error) and type(error) is not pkcs11.PKCS11Error:
                    raise
                raise TokenError(
                    f"{self._module} is no PKCS #11 library: see ELICENCE_PKCS11_MODULE"
                ) from error
        return self._open

    def _close(self) -> None:
        self._found.clear()
        if self._open is not None:
            with suppress(pkcs11.PKCS11Error):
                self._open.close()
            self._open = None


@cache
def open_token(module: str, label: str, *, pin: str) -> Token:
    """A token, opened and logged in to; one for each label in a process, since a login is the whole process's.

    Raises:
        TokenError, TokenUnreachableError: as Token.session.
    """
    token = Token(module, label, pin=pin)
    with token.session():
        return token


def demand_unreadable(key: Any) -> None:
    """Demands that a key just made can never leave its token: not every token heeds what it is asked for.

    Raises:
        TokenError: it could; it is destroyed again.
    """
    if key[Attribute.EXTRACTABLE] or not key[Attribute.SENSITIVE]:
        key.destroy()
        raise TokenError("the token made a key that can be taken out of it: use another token")
