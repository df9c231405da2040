"""Invented licences of the six Chinese types: the same for the same day, valid on it, and nobody's.

People are 示例甲 to 示例亥, numbers are of region 9901xx, which is not assigned; every check digit is right.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from licence.canonical import JsonValue
from licence.codes import credit_check, mod_11_10, organisation_check

BUSINESS, FOOD, HYGIENE, DRIVING, RESIDENCE, BIRTH = 22, 12, 9, 10, 9, 6
_STEMS = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥"
_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # of GB 32100
_TRADES = (
    *("星河餐饮", "云帆商贸", "青禾食品", "远山酒店", "明镜美容", "晨光书店"),
    *("朝露超市", "松风茶舍", "海棠影院", "行舟健身", "白鹭沐浴"),
)


@dataclass(frozen=True, slots=True)
class Invented:
    """One invented licence: the department that issues it, the type's name, and its values."""

    department: int
    kind: str
    values: dict[str, JsonValue]


def licences(today: date) -> list[Invented]:
    """All of them, in an order in which each finds the licences that it rests on."""
    everything = (_business, _food, _hygiene, _driving, _residence, _birth)
    return [invented for kind in everything for invented in kind(today)]


def credit_code(number: int) -> str:
    """The credit code of the n-th invented company (GB 32100), of some 700."""
    letter, rest = divmod(number - 100, len(_SIGNS))
    organisation = "MA0DEM" + (f"{number:02}" if number < 100 else _SIGNS[10 + letter] + _SIGNS[rest])
    text = f"91990101{organisation}{organisation_check(organisation)}"
    return text + credit_check(text)


def citizen_id(birth: date, sequence: int) -> str:
    """An invented citizen id number of region 990101 (GB 11643); an odd sequence is a man's."""
    text = f"990101{birth:%Y%m%d}{sequence:03}"
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(text))
    return text + "10X98765432"[total % 11]


def _person(number: int) -> str:
    return f"示例{_STEMS[number % len(_STEMS)]}"


def _company(number: int) -> str:
    return f"演示（示例市）{_TRADES[number % len(_TRADES)]}{'二' if number >= len(_TRADES) else ''}有限公司"


def _day(day: date) -> str:
    return day.isoformat()


def _years(day: date, years: int) -> date:
    """The day so many years away; 29 February becomes the 28th."""
    return day.replace(year=day.year + years, day=28 if (day.month, day.day) == (2, 29) else day.day)


def _business(today: date) -> Iterator[Invented]:
    for n in range(BUSINESS):
        founded = _years(today, -3 - n % 5) - timedelta(days=17 * n)
        values: dict[str, JsonValue] = {
            "creditCode": credit_code(n + 10),
            "entName": _company(n),
            "entType": "有限责任公司",
            "legalRep": _person(n),
            "regCapital": str(50 + 10 * n),
            "estDate": _day(founded),
            "address": f"示例省模拟市演示区虚构路{n + 1}号",
            "scope": "一般项目：食品销售（仅销售预包装食品）；日用百货销售；会议及展览服务。（演示）",
            "regAuthority": "演示区市场监督管理局",
            "issueDate": _day(founded + timedelta(days=2)),
            "copyKind": "正本" if n % 2 else "副本",
        }
        if n % 3 == 0:
            values["bizTermTo"] = _day(_years(founded, 20))
        yield Invented(1, "business", values)


def _food(today: date) -> Iterator[Invented]:
    forms = ("食品销售经营者", "餐饮服务经营者", "单位食堂")
    items = (["预包装食品销售"], ["热食类食品制售", "自制饮品制售"], ["热食类食品制售"])
    for n in range(FOOD):
        begins = today - timedelta(days=100 + 30 * n)
        digits = f"{1 + n % 3}990101{n + 1:06}"
        values: dict[str, JsonValue] = {
            "licNo": f"JY{digits}{mod_11_10(digits)}",
            "operatorName": _company(n),
            "creditCode": credit_code(n + 10),
            "legalRep": _person(n),
            "domicile": f"示例省模拟市演示区虚构路{n + 1}号",
            "bizPlace": f"示例省模拟市演示区样张街{n + 1}号",
            "bizForm": forms[n % 3],
            "items": items[n % 3],
            "issueDate": _day(begins),
            "validFrom": _day(begins),
            "validTo": _day(_years(begins, 5) - timedelta(days=1)),
            "supervisor": "演示区市场监督管理所",
            "complaintTel": "000-0000-0001",
            "issuedBy": _person(n + 9),
        }
        if n % 2:
            values["flags"] = ["网络经营"]
        yield Invented(2, "food", values)


def _hygiene(today: date) -> Iterator[Invented]:
    projects = (["住宿"], ["沐浴", "美容美发"], ["书店"])
    for n in range(HYGIENE):
        begins = today - timedelta(days=60 + 20 * n)
        yield Invented(
            5,
            "hygiene",
            {
                "licNo": f"示卫公证字〔{begins.year}〕第990101-{n + 1:06}号",
                "unitName": _company(n),
                "creditCode": credit_code(n + 10),
                "legalRep": _person(n),
                "address": f"示例省模拟市演示区样张街{n + 1}号",
                "projects": projects[n % 3],
                "centralAir": False,
                "areaM2": f"{80 + 12 * n}.5",
                "grade": "ABC"[n % 3],
                "issueDate": _day(begins),
                "validFrom": _day(begins),
                "validTo": _day(_years(begins, 4) - timedelta(days=1)),
                "reviewDue": _day(_years(begins, 2)),
            },
        )


def _driving(today: date) -> Iterator[Invented]:
    for n in range(DRIVING):
        birth, man = date(1980 + n, 1 + n, 3 + n), n % 2 == 0
        begins = today - timedelta(days=200 + 40 * n)
        values: dict[str, JsonValue] = {
            "licNo": citizen_id(birth, 11 + 2 * n - (0 if man else 1)),
            "name": _person(n),
            "sex": "男" if man else "女",
            "nationality": "中国",
            "address": f"示例省模拟市演示区虚构路{n + 30}号",
            "birthDate": _day(birth),
            "firstIssueDate": _day(_years(birth, 19)),
            "classes": ["C1"] if n % 3 else ["C1", "D"],
            "validFrom": _day(begins),
            "issuer": "模拟市公安局交警支队",
            "fileNo": f"9901{n + 1:08}",
        }
        if n % 4 != 3:
            values["validTo"] = _day(_years(begins, 6))
        yield Invented(4, "driving", values)


def _residence(today: date) -> Iterator[Invented]:
    for n in range(RESIDENCE):
        birth, man = date(1990 + n, 2 + n, 5 + n), n % 2 == 1
        begins = today - timedelta(days=10 + 20 * n)
        yield Invented(
            3,
            "residence",
            {
                "name": _person(n + 10),
                "sex": "男" if man else "女",
                "ethnic": "汉",
                "birthDate": _day(birth),
                "idNo": citizen_id(birth, 40 + 2 * n + (1 if man else 0)),
                "hukouAddress": f"示例省模拟市虚构县样张村{n + 1}号",
                "liveAddress": f"示例省模拟市演示区样张街{n + 60}号",
                "issuer": "演示区公安分局",
                "issueDate": _day(begins),
                "cardNo": f"JZ990101{n + 1:08}",
                "ground": ("合法稳定就业", "合法稳定住所", "连续就读")[n % 3],
                "endorseFrom": _day(begins),
                "endorseTo": _day(_years(begins, 1) - timedelta(days=1)),
                "residenceSince": _day(begins - timedelta(days=400)),
            },
        )


def _birth(today: date) -> Iterator[Invented]:
    for n in range(BIRTH):
        born = today - timedelta(days=20 + 15 * n)
        values: dict[str, JsonValue] = {
            "certNo": f"D990{n + 1:06}",
            "babyName": f"{_person(n + 12)}（婴）",
            "babySex": "女" if n % 2 else "男",
            "birthTime": f"{_day(born)}T{6 + n:02}:30",
            "gestWeeks": 38 + n % 3,
            "weightG": 3100 + 40 * n,
            "lengthCm": "50.5",
            "birthPlace": "示例省模拟市演示区",
            "facility": "演示区妇幼保健院",
            "motherName": _person(n + 14),
            "motherId": citizen_id(date(1995, 3, 2 + n), 62 + 2 * n),
            "motherAddress": f"示例省模拟市演示区虚构路{n + 90}号",
            "issueKind": "首次签发",
            "collector": _person(n + 14),
            "issueDate": _day(born + timedelta(days=3)),
            "issuer": "演示区妇幼保健院",
        }
        if n % 2:
            values["fatherName"], values["fatherId"] = (
                _person(n + 2),
                citizen_id(date(1993, 4, 2 + n), 71 + 2 * n),
            )
        else:
            values["fatherWaiver"] = True
        yield Invented(6, "birth", values)
