"""What the wall says to those it turns away: RFC 9457 problems in both languages, made before any route is known."""

import json


class Refusal(Exception):
    """Why a request is turned away. `code` is one of CODES: it is counted by it."""

    def __init__(
        self, status: int, code: str, *, said: tuple[str, str], headers: tuple[tuple[bytes, bytes], ...] = ()
    ) -> None:
        super().__init__(said[1])
        self.status, self.code, self.headers = status, code, headers
        self.zh, self.en = said

    @property
    def body(self) -> bytes:
        """The problem as JSON."""
        told = {
            "type": f"urn:elicence:{self.code}",
            "title": self.en,
            "title_zh": self.zh,
            "status": self.status,
        }
        return json.dumps(told, ensure_ascii=False).encode()


CLOSE = (b"connection", b"close")
CODES = ("busy", "too_large", "length", "slow_body", "too_slow")
_SOON = (b"retry-after", b"1")
_LATER = (b"retry-after", b"5")


def busy() -> Refusal:
    """All places are taken, or the turn did not come in time."""
    said = ("系统繁忙，请稍后再试", "too many requests at once: try again")
    return Refusal(429, "busy", said=said, headers=(_SOON,))


def too_large(most: int) -> Refusal:
    """A body beyond its door's limit."""
    return Refusal(413, "too_large", said=(f"请求过大，最多{most}字节", f"at most {most} bytes expected"))


def bad_length() -> Refusal:
    """A Content-Length that is no number."""
    said = ("Content-Length 有误", "a Content-Length in digits expected")
    return Refusal(400, "length", said=said, headers=(CLOSE,))


def slow_body(seconds: float) -> Refusal:
    """A body that does not come."""
    said = ("请求体传输超时", f"the body did not arrive within {seconds:g} seconds")
    return Refusal(408, "slow_body", said=said, headers=(CLOSE,))


def too_slow(seconds: float) -> Refusal:
    """The answer did not come: whether the deed was done is told by the same request again."""
    said = (
        "处理超时；请用同一 Idempotency-Key 重试",
        f"no answer within {seconds:g} seconds: ask again with the same Idempotency-Key",
    )
    return Refusal(503, "too_slow", said=said, headers=(_LATER,))
