"""The verifier's doors in OpenAPI words: shapes and an example of every answer. Data only."""

from typing import Any

_TEXT = {"type": "string"}
_LABEL = {"zh": "真实有效", "en": "Valid"}
QUESTION: dict[str, Any] = {
    "type": "object",
    "required": ["presentation"],
    "properties": {
        "presentation": {**_TEXT, "description": "a code's text, a licence file, or a wallet's SD-JWT VC"},
        "audience": {"type": "string", "description": "whom the wallet's proof must be for; with nonce"},
        "nonce": {"type": "string", "description": "what the wallet was asked to sign; with audience"},
    },
    "dependentRequired": {"audience": ["nonce"], "nonce": ["audience"]},
    "example": {"presentation": "ELR1:…"},
}
ANSWER: dict[str, Any] = {
    "type": "object",
    "required": [
        "verdict",
        "reason",
        "title",
        "text",
        "advice",
        "checks",
        "flags",
        "as_of",
        "holder_binding",
    ],
    "properties": {
        "verdict": {"enum": ["VALID", "INVALID", "UNDETERMINED"]},
        "reason": {"type": ["string", "null"], "description": "why it is not VALID: docs/format.md §9"},
        "checks": {"type": "array", "minItems": 8, "maxItems": 8, "items": {"type": "object"}},
        "flags": {"type": "array", "items": {"type": "string"}},
        "holder_binding": {"enum": ["none", "device"]},
    },
}
EXAMPLE: dict[str, Any] = {
    "verdict": "VALID",
    "reason": None,
    "title": _LABEL,
    "text": {
        "zh": "证照由登记的部门签发，内容未被改动，当前有效。",
        "en": "Issued by the registered department, unaltered, and in force now.",
    },
    "advice": {"zh": "可以受理。", "en": "Accept it."},
    "form": "paper",
    "checks": [
        {"number": number, "outcome": "not_applicable" if number in (2, 3) else "pass", "reason": None}
        for number in range(1, 9)
    ],
    "flags": ["STATIC_COPY"],
    "as_of": {"block": 118, "age_seconds": 3, "doubt": None},
    "holder_binding": "none",
}
PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "title_zh", "status"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "title_zh": {"type": "string"},
        "status": {"type": "integer"},
    },
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """RFC 9457 answers, each with an example."""
    return {status: _problem(status) for status in statuses}


def answers(schema: dict[str, Any], example: object, what: str) -> dict[str, Any]:
    """A JSON answer with its example."""
    return {"description": what, "content": {"application/json": {"schema": schema, "example": example}}}


_SAID = {
    404: ("没有这个地址或方法", "Not Found"),
    405: ("没有这个地址或方法", "Method Not Allowed"),
    408: ("请求体传输超时", "the body did not arrive within 10 seconds"),
    413: ("请求过大", "at most 140000 bytes expected"),
    429: ("系统繁忙，请稍后再试", "too many requests at once: try again"),
    422: ("请求格式有误", 'a JSON object {"presentation": text} expected'),
    503: ("暂不可用", "the chain's node does not answer"),
}


def _problem(status: int) -> dict[str, Any]:
    zh, en = _SAID[status]
    example = {"type": "urn:elicence:request", "title": en, "title_zh": zh, "status": status}
    content = {"application/problem+json": {"schema": PROBLEM, "example": example}}
    return {"description": en, "content": content}


def _body(schema: dict[str, Any], example: object) -> dict[str, Any]:
    return {
        "required": True,
        "content": {"application/json": {"schema": schema, "example": example}},
    }


_LIST = {"type": "array", "minItems": 1, "maxItems": 100, "items": QUESTION}
_MANY = {"type": "object", "required": ["questions"], "properties": {"questions": _LIST}}
_ANSWERS = {
    "type": "object",
    "required": ["answers"],
    "properties": {"answers": {"type": "array", "items": ANSWER}},
}
# The two doors that no framework stands before: see verifier.app.App.
BARE: dict[str, Any] = {
    "/api/v1/verify": {
        "post": {
            "summary": "Verify",
            "description": "Judges what somebody shows. Not good is 200 with INVALID; that we cannot say is 503.",
            "requestBody": _body(QUESTION, QUESTION["example"]),
            "responses": {
                "200": answers(ANSWER, EXAMPLE, "judged"),
                "503": answers(
                    ANSWER,
                    {**EXAMPLE, "verdict": "UNDETERMINED", "reason": "CHAIN_UNREACHABLE"},
                    "we cannot say",
                ),
                **{str(status): answer for status, answer in problems(408, 413, 422, 429).items()},
            },
        }
    },
    "/api/v1/verify-batch": {
        "post": {
            "summary": "Verify many",
            "description": "Judges up to 100, as of one moment; the answers stand in the questions' order.",
            "requestBody": _body(_MANY, {"questions": [QUESTION["example"]]}),
            "responses": {
                "200": answers(_ANSWERS, {"answers": [EXAMPLE]}, "judged, each for itself"),
                "503": answers(_ANSWERS, {"answers": [EXAMPLE]}, "we cannot say"),
                **{str(status): answer for status, answer in problems(408, 413, 422, 429).items()},
            },
        }
    },
}
PICTURE = {
    "required": True,
    "content": {
        kind: {"schema": {"type": "string", "format": "binary"}}
        for kind in ("image/png", "image/jpeg", "image/webp")
    },
}
FORGERY = _body(
    {
        "type": "object",
        "required": ["presentation", "values"],
        "properties": {"presentation": _TEXT, "values": {"type": "object"}},
    },
    {"presentation": "ELR1:…", "values": {"entName": "伪造公司"}},
)
SHOWN = answers(
    {"type": "object", "required": ["presentation"], "properties": {"presentation": {"type": "string"}}},
    {"presentation": "ELR1:…"},
    "the presentation's text",
)
_PART = {
    "type": "object",
    "required": ["name", "needed", "ok", "zh", "en"],
    "properties": {"name": _TEXT, "needed": {"type": "boolean"}, "ok": {"type": "boolean"}},
}
_CONDITION = {
    "type": "object",
    "required": ["status", "parts"],
    "properties": {
        "status": {"enum": ["ready", "not_ready", "stopping"]},
        "parts": {"type": "array", "items": _PART},
    },
}
_HEAD = {"name": "head", "needed": True, "ok": True, "zh": "第118块，3秒前", "en": "block 118, 3 seconds old"}


def _condition(status: str, what: str) -> dict[str, Any]:
    example = {"status": status, "parts": [{**_HEAD, "ok": status == "ready", "chain_age_seconds": 3}]}
    told = answers(_CONDITION, example, what)
    told["content"]["text/plain"] = {"schema": _TEXT, "example": "就绪 · ready\n✓ head: …"}
    return told


READY: dict[int | str, dict[str, Any]] = {
    200: _condition("ready", "verdicts can be given"),
    503: _condition("not_ready", "not ready: the parts say why"),
}
FIGURES = {
    "description": "figures",
    "content": {"text/plain": {"schema": _TEXT, "example": "elicence_ready 1.0"}},
}
HEALTH = answers({"type": "object", "required": ["status"]}, {"status": "ok"}, "as it should be")
NETWORK = answers(
    {"type": "object", "required": ["chain_id", "network_id", "head", "departments"]},
    {
        "chain_id": 20_261,
        "network_id": "0x" + "2c" * 32,
        "head": {"block": 118},
        "departments": [],
        "witnesses": [],
    },
    "the network's pins and the head",
)
