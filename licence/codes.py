"""Check digits and identifiers of Chinese public administration. Messages never repeat a person's number.

Every function takes the code as text and raises CodeError, or gives what it names; none answers yes or no.
"""

import re
from dataclasses import dataclass
from datetime import date

from licence.errors import LicenceError

_CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CERTIFICATE_ROOT = "1.2.156.3005.2"


class CodeError(LicenceError):
    """A code that breaks its rule: `zh` and `en` say which, without repeating the code."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh, self.en = zh, en


def credit_check(text: str) -> str:
    """The check character (GB 32100-2015 §5) of the first 17 characters of a 统一社会信用代码."""
    total = sum(_CREDIT_ALPHABET.index(letter) * pow(3, place, 31) for place, letter in enumerate(text[:17]))
    return _CREDIT_ALPHABET[(31 - total % 31) % 31]


def organisation_check(text: str) -> str:
    """The check character (GB 11714-1997) of the first 8 characters of an organisation code."""
    total = sum(
        _ALPHANUMERIC.index(letter) * weight
        for letter, weight in zip(text, _ORGANISATION_WEIGHTS, strict=False)
    )
    return "0X987654321"[total % 11] if total % 11 else "0"


def check_credit_code(text: str) -> None:
    """Demands a 统一社会信用代码: 18 characters, both check characters (GB 32100-2015, GB 11714-1997).

    Raises:
        CodeError: another length, another alphabet, or a check character that does not fit.
    """
    if len(text) != 18 or not set(text) <= set(_CREDIT_ALPHABET):
        raise CodeError(
            "应为18位统一社会信用代码（不含 I、O、S、V、Z）", "18 characters of GB 32100 expected"
        )
    if organisation_check(text[8:16]) != text[16]:
        raise CodeError("组织机构代码校验位不符（第17位）", "character 17 does not fit GB 11714")
    if credit_check(text) != text[17]:
        raise CodeError("统一社会信用代码校验位不符（第18位）", "character 18 does not fit GB 32100")


def check_citizen_id(text: str) -> None:
    """Demands a 公民身份号码: 18 characters, a real date of birth, the check character (GB 11643-1999).

    Raises:
        CodeError: which of these it breaks; never the number.
    """
    if not re.fullmatch(r"[1-9][0-9]{16}[0-9X]", text):
        raise CodeError("应为18位公民身份号码", "18 characters of GB 11643 expected")
    birth_date(text)
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(text[:17]))
    if "10X98765432"[total % 11] != text[17]:
        raise CodeError("公民身份号码校验位不符", "the check character does not fit GB 11643")


def birth_date(text: str) -> date:
    """The date of birth in a 公民身份号码 (digits 7 to 14).

    Raises:
        CodeError: no such day.
    """
    try:
        return date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError as error:
        raise CodeError("公民身份号码中的出生日期不存在", "digits 7 to 14 are no date of birth") from error


def is_male(text: str) -> bool:
    """Whether digit 17 of a 公民身份号码 is odd (GB 11643-1999: men odd, women even)."""
    return int(text[16]) % 2 == 1


def check_food_number(text: str) -> None:
    """Demands a food licence number: JY and 14 digits, the last by GB/T 17710-2008 MOD 11,10.

    Raises:
        CodeError: another shape or check digit.
    """
    if not re.fullmatch(r"JY[123][0-9]{13}", text):
        raise CodeError("应为 JY 加14位数字，首位1至3", "JY and 14 digits, the first 1 to 3, expected")
    if mod_11_10(text[2:15]) != text[15]:
        raise CodeError("许可证编号校验位不符", "the last digit does not fit GB/T 17710 MOD 11,10")


def mod_11_10(digits: str) -> str:
    """The check digit of GB/T 17710-2008 (ISO 7064) MOD 11,10 for a string of digits."""
    product = 10
    for digit in digits:
        product = ((product + int(digit)) % 10 or 10) * 2 % 11
    return str((11 - product) % 10)


def mod_37_36(text: str) -> str:
    """The check character of ISO 7064 MOD 37,36 for a string of digits and capital letters."""
    product = 36
    for letter in text:
        product = ((product + _ALPHANUMERIC.index(letter)) % 36 or 36) * 2 % 37
    return _ALPHANUMERIC[(37 - product) % 36]


@dataclass(frozen=True, slots=True)
class CertificateId:
    """证照标识 (GB/T 36904): type code (21), issuer's code (18), serial, version 1 to 999.

    The check character is ISO 7064 MOD 37,36 over the four parts without dots and without the root.
    """

    type_code: str
    issuer_code: str
    serial: str
    version: int

    @property
    def check(self) -> str:
        """The check character."""
        return mod_37_36(f"{self.type_code}{self.issuer_code}{self.serial}{self.version:03}")

    @property
    def text(self) -> str:
        """The whole identifier, root first."""
        return f"{CERTIFICATE_ROOT}.{self.type_code}.{self.issuer_code}.{self.serial}.{self.version:03}.{self.check}"

    @classmethod
    def parse(cls, text: str) -> "CertificateId":
        """Reads an identifier.

        Raises:
            CodeError: not its shape, or 校验位不符. Real foreign ones with a wrong check character exist: that is a
                finding of its own and never means forged.
        """
        found = re.fullmatch(
            r"1\.2\.156\.3005\.2\.([0-9A-Z]{1,32})\.([0-9A-Z]{6,18})\.([0-9A-Z]{1,32})\.(\d{3})\.([0-9A-Z])",
            text,
        )
        if found is None:
            raise CodeError("不是证照标识", "a certificate identifier of GB/T 36904 expected")
        read = cls(found[1], found[2], found[3], int(found[4]))
        if read.check != found[5]:
            raise CodeError("证照标识校验位不符", "the check character does not fit ISO 7064 MOD 37,36")
        return read
