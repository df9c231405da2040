"""What the doors answer, for the OpenAPI description: the shape and an example of each. Shapes only."""

from typing import Any

from pydantic import BaseModel, Field

_LICENCE = "5f0c2f6d8f0e4b6e9a3d7c1b2a4e6f80"
_FAULT = {"field": "regCapital", "code": "decimal", "zh": "应为数字", "en": "a decimal number expected"}


class Health(BaseModel):
    """How the process is."""

    status: str = Field(examples=["ok"])


class PartAnswer(BaseModel, extra="allow"):
    """How one part is; figures of its own stand beside."""

    name: str = Field(examples=["database"])
    needed: bool = Field(examples=[True], description="not ready without it")
    ok: bool = Field(examples=[True])
    zh: str = Field(examples=["可写"])
    en: str = Field(examples=["takes writes (sqlite)"])


class Condition(BaseModel):
    """Whether licences can be issued now, and how each part is."""

    status: str = Field(examples=["ready"], description="ready, not_ready or stopping")
    parts: list[PartAnswer]


class Summary(BaseModel):
    """Where a licence stands: no personal data."""

    id: str = Field(examples=[_LICENCE])
    type: str = Field(examples=["11990000DEF000011Y001"])
    type_version: int = Field(examples=[1])
    certificate_id: str = Field(examples=["1.2.156.3005.2.11990000DEF000011Y001.11990101DEM000022U.1.001.4"])
    version: int = Field(examples=[1])
    issued_at: int = Field(examples=[1_767_225_600], description="Unix seconds, UTC")
    not_before: int = Field(examples=[1_767_196_800])
    expires_at: int | None = Field(examples=[None])
    status: int | None = Field(
        examples=[0],
        description="0 valid, 1 invalid, 2 suspended, 3 superseded; null while held: not known here",
    )
    act: int | None = Field(examples=[None], description="the legal act that led to the status")
    held: bool = Field(
        examples=[False], description="the registry is read-only: its database may be behind the chain"
    )
    anchored: bool = Field(examples=[False])
    anchor: int | None = Field(examples=[None])
    block: int | None = Field(examples=[None])


class Page(BaseModel):
    """One page of a list; `next` is the cursor of the page after it, null at the end."""

    items: list[Summary]
    next: int | None = Field(examples=[None])


class ReceiptAnswer(BaseModel):
    """Where a licence was anchored."""

    anchor: int = Field(examples=[12])
    position: int = Field(examples=[3])
    proof: list[str] = Field(examples=[["3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]])


class ActRecorded(BaseModel):
    """An act that is stored, and becomes effective seconds later."""

    request: str = Field(examples=["b1946ac92492d2347c6235b4d2611184"])
    state: str = Field(examples=["recorded"])


class ActPart(BaseModel):
    """An act on one status list."""

    list: int = Field(examples=[4_294_967_297])
    state: str = Field(examples=["effective"])
    block: int | None = Field(examples=[118])
    time: int | None = Field(examples=[1_767_225_604])


class ActState(BaseModel):
    """How far an act is, list by list."""

    request: str = Field(examples=["b1946ac92492d2347c6235b4d2611184"])
    act: str = Field(examples=["REVOKED"])
    parts: list[ActPart]


class Fault(BaseModel):
    """One thing to correct."""

    field: str
    code: str
    zh: str
    en: str


class Rejected(BaseModel):
    """A row that became no licence."""

    line: int = Field(examples=[17])
    problems: list[Fault] = Field(examples=[[_FAULT]])


class ImportReport(BaseModel):
    """What became of a table."""

    rows: int = Field(examples=[1])
    issued: list[str] = Field(examples=[[_LICENCE]])
    known: int = Field(examples=[0])
    acts: int = Field(examples=[0])
    rejected: list[Rejected]


class DocumentKept(BaseModel):
    """A document that is kept, encrypted."""

    digest: str = Field(examples=["3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"])
    size: int = Field(examples=[48_213])
    media_type: str = Field(examples=["image/png"])


class Pins(BaseModel):
    """The pins of the network."""

    chain_id: int = Field(examples=[20_261])
    genesis_hash: str = Field(examples=["0x" + "1b" * 32])
    network_id: str = Field(examples=["0x" + "2c" * 32])
    IssuerRegistry: str = Field(examples=["0x" + "3d" * 20])
    AnchorLog: str = Field(examples=["0x" + "4e" * 20])
    StatusList: str = Field(examples=["0x" + "5f" * 20])


class Jwks(BaseModel):
    """Public keys."""

    keys: list[dict[str, Any]]


class IssuerAnswer(BaseModel):
    """The JWT VC issuer metadata of a department."""

    issuer: str = Field(examples=["https://licences.example/public/1"])
    jwks: Jwks = Field(
        examples=[
            {
                "keys": [
                    {
                        "kty": "EC",
                        "crv": "P-256",
                        "x": "3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                        "y": "3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                        "kid": "RuxcZtLVrt0",
                        "alg": "ES256",
                        "use": "sig",
                    }
                ]
            }
        ]
    )


class TypeAnswer(BaseModel):
    """The type metadata of an SD-JWT VC."""

    vct: str = Field(examples=["https://licences.example/public/1/vct/11990000DEF000011Y001/1"])
    name: str = Field(examples=["Business licence"])
    display: list[dict[str, Any]] = Field(examples=[[{"locale": "zh-CN", "name": "营业执照"}]])
    claims: list[dict[str, Any]] = Field(examples=[[{"path": ["entName"], "sd": "always"}]])


_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "title_zh", "status"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "title_zh": {"type": "string"},
        "status": {"type": "integer"},
        "problems": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "zh", "en"],
                "properties": {name: {"type": "string"} for name in ("field", "code", "zh", "en")},
            },
        },
    },
}
_SAID: dict[int, tuple[str, str, str]] = {
    400: ("http", "请求无法读取", "the request cannot be read"),
    401: (
        "not_allowed",
        "请提供部门密钥",
        "a department's bearer key is needed: Authorization: Bearer …",
    ),
    404: ("not_found", "没有这项内容", "no such thing, or another department's"),
    405: ("http", "没有这个地址或方法", "Method Not Allowed"),
    409: ("not_anchored", "正在上链，请几秒后再试", "being anchored: try again in a few seconds"),
    408: ("slow_body", "请求体传输超时", "the body did not arrive within 10 seconds"),
    410: ("erased", "资料已依法删除，证照状态仍可在链上核验", "the data of this licence was erased by law"),
    413: ("too_large", "请求过大", "at most 65536 bytes expected"),
    422: ("record", "请更正下列字段", "correct the fields named below; nothing was stored"),
    429: ("busy", "系统繁忙，请稍后再试", "too many requests at once: try again"),
    507: ("no_space", "磁盘空间不足，未保存；请联系管理员", "the disk is full and nothing was stored"),
    503: (
        "unreachable",
        "区块链节点暂不可用，请稍后再试",
        "the chain's node does not answer: is it running?",
    ),
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The RFC 9457 answers of a door, each with an example, for its OpenAPI description."""
    return {status: _problem(status) for status in sorted({*statuses, 408, 413, 429, 503, 507})}


def _problem(status: int) -> dict[str, Any]:
    code, zh, en = _SAID[status]
    example: dict[str, Any] = {
        "type": f"urn:elicence:{code}",
        "title": en,
        "title_zh": zh,
        "status": status,
    }
    if status == 422:
        example["problems"] = [_FAULT]
    return {
        "description": en,
        "content": {"application/problem+json": {"schema": _PROBLEM, "example": example}},
    }


def media(kind: str, what: str, example: str, *, binary: bool = False) -> dict[int | str, dict[str, Any]]:
    """A 200 answer of another kind than JSON."""
    schema = {"type": "string", "format": "binary"} if binary else {"type": "string"}
    return {200: {"description": what, "content": {kind: {"schema": schema, "example": example}}}}
