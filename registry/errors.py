"""What the registry refuses, and what it cannot reach. Each says what to do; none holds personal data."""

from collections.abc import Sequence

from licence.errors import FieldProblem


class RegistryError(Exception):
    """The root. `code` is stable, `status` the HTTP status, both texts are for people."""

    code = "error"
    status = 500

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh, self.en = zh, en


class NotAllowedError(RegistryError):
    """The caller is nobody we know."""

    code, status = "not_allowed", 401


class NotFoundError(RegistryError):
    """No such thing, or another department's: which of the two is not said."""

    code, status = "not_found", 404


class ConflictError(RegistryError):
    """It contradicts what is stored."""

    code, status = "conflict", 409


class ErasingError(ConflictError):
    """The holder's data is being erased: until that is done nothing of it is issued or shown."""

    def __init__(self) -> None:
        super().__init__(
            "该持证主体的数据正在删除", "this holder's data is being erased: try again when it is done"
        )


class GoneError(RegistryError):
    """The licence's data was destroyed, at its holder's wish or at the end of its retention, for good."""

    code, status = "erased", 410

    def __init__(self) -> None:
        super().__init__(
            "资料已依法删除，证照状态仍可在链上核验",
            "the data of this licence was erased by law; its status can still be read from the chain",
        )


class NotAnchoredError(RegistryError):
    """The licence's batch is not final yet: a matter of seconds."""

    code, status = "not_anchored", 409

    def __init__(self) -> None:
        super().__init__("正在上链，请几秒后再试", "being anchored: try again in a few seconds")


class InvalidError(RegistryError):
    """The request cannot be carried out as it is; `problems` say what to correct."""

    code, status = "invalid", 422

    def __init__(self, zh: str, en: str, problems: Sequence[FieldProblem] = ()) -> None:
        super().__init__(zh, en)
        self.problems = tuple(problems)


class UnreachableError(RegistryError):
    """A part we depend on does not answer: nothing is lost, try again, after `retry_after` seconds."""

    code, status = "unreachable", 503
    retry_after = 5


class ReadOnlyError(UnreachableError):
    """The chain knows more of this department than the store does, or may: a backup was restored, or rows are gone."""

    code = "read_only"

    def __init__(self, missing: str) -> None:
        super().__init__(
            "只读：数据库落后于区块链或尚未比对，请稍后再试；管理员：缺失内容见英文说明，请恢复更新的备份",
            f"read-only, this database is behind the chain or was not compared with it: {missing}. Restore a newer "
            "backup, or let the worker compare",
        )


class RotatedAwayError(UnreachableError):
    """A data key that was wrapped just before its wrapping key was rotated away: nothing was stored."""

    code = "rotated_away"

    def __init__(self) -> None:
        super().__init__(
            "加密密钥刚刚轮换，请重试",
            "the wrapping key was rotated this moment, nothing was stored: ask again. If that does not help, the key "
            "files are older than the database: restore newer ones",
        )


class SignerUnreachableError(UnreachableError):
    """The signer does not answer."""

    def __init__(self, why: str) -> None:
        super().__init__(
            "签名服务暂不可用，请稍后再试", f"the signer does not answer ({why}): is it running?"
        )


class ChainUnreachableError(UnreachableError):
    """The chain's node does not answer."""

    def __init__(self, why: str) -> None:
        super().__init__(
            "区块链节点暂不可用，请稍后再试", f"the chain's node does not answer ({why}): is it running?"
        )


class ObjectsUnreachableError(UnreachableError):
    """The store of objects does not answer as it should: what is in it, nobody can say now."""

    def __init__(self, why: str) -> None:
        super().__init__("文件存储暂不可用，请稍后再试", f"the store of objects does not answer ({why})")


class ObjectMissingError(RegistryError, FileNotFoundError):
    """The store answers, and has no such object: evidence of a loss, not of an outage."""

    code, status = "object_missing", 500

    def __init__(self, name: str) -> None:
        super().__init__(
            "文件已丢失，请从备份恢复", f"no object {name} in the store: restore it from a backup"
        )


class NoSpaceError(UnreachableError):
    """A disk is full: nothing was stored, and all goes on by itself once there is room."""

    code, status = "no_space", 507

    def __init__(self) -> None:
        super().__init__(
            "磁盘空间不足，未保存；请联系管理员",
            "the disk is full and nothing was stored: make room, then try again",
        )


class StoppedError(UnreachableError):
    """The disk failed under the database: what was synced is no longer known, so nothing more is written."""

    code = "stopped"

    def __init__(self, why: str) -> None:
        super().__init__(
            "磁盘故障，已停止写入；请管理员检查磁盘后重启",
            f"the disk failed ({why}), so this process writes no more: check the disk, then start it again",
        )
        self.why = why


class ClockError(UnreachableError):
    """The machine's clock contradicts the chain's: no licence is signed with a time that cannot be right."""

    code = "clock"

    def __init__(self, why: str) -> None:
        super().__init__(
            "系统时钟有误，暂停签发；请管理员校时", f"the clock is wrong ({why}): set it, then try again"
        )
