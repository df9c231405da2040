"""The registry over HTTP: keys, idempotency, errors that say what to do, and that departments see only their own."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from licence.canonical import base64url
from licence.jws import Jws
from licence.sd_jwt import SdJwt
from scripts import seeding
from tests.registry.office import Office

BUSINESS = seeding.definitions()["business"].code


def post(office: Office, body: object, key: str, department: int = 1) -> Any:
    return office.call("POST", "/api/v1/licences", json=body, headers=office.headers(department, key))


def test_a_licence_s_whole_life_over_http(office: Office) -> None:
    made = post(office, {"type": BUSINESS, "values": office.business()}, "life-1")
    assert made.status_code == 202
    path = f"/api/v1/licences/{made.json()['id']}"
    assert office.call("GET", f"{path}/file", headers=office.headers()).status_code == 409
    office.settle()
    for form, kind in (
        ("file", "application/json"),
        ("receipt", "application/json"),
        ("paper.txt", "text/plain; charset=utf-8"),
        ("paper.svg", "image/svg+xml"),
        ("paper.png", "image/png"),
    ):
        found = office.call("GET", f"{path}/{form}", headers=office.headers())
        assert (found.status_code, found.headers["content-type"]) == (200, kind)
    act = {"act": "REVOKED", "licences": [made.json()["id"]], "legal_basis": "行政许可法"}
    recorded = office.call("POST", "/api/v1/status-acts", json=act, headers=office.headers(1, "life-2"))
    assert (recorded.status_code, recorded.json()["state"]) == (202, "recorded")
    office.settle()
    state = office.call(
        "GET", f"/api/v1/status-acts/{recorded.json()['request']}", headers=office.headers()
    ).json()
    assert state["parts"][0]["state"] == "effective"
    seen = office.call("GET", path, headers=office.headers()).json()
    assert (seen["status"], seen["act"], seen["anchored"]) == (1, 2, True)


def test_the_same_key_answers_alike_and_issues_once(office: Office) -> None:
    body = {"type": BUSINESS, "values": office.business()}
    first, again = post(office, body, "same"), post(office, body, "same")
    assert first.json() == again.json()
    other = post(office, {"type": BUSINESS, "values": office.business()}, "same")
    assert (other.status_code, other.headers["content-type"]) == (409, "application/problem+json")


def test_a_write_without_a_key_is_refused(office: Office) -> None:
    assert post(office, {"type": BUSINESS, "values": office.business()}, "").status_code == 422


@pytest.mark.parametrize("header", ["", "Bearer ", "Bearer wrong", "Basic eDp5"])
def test_nobody_unknown_gets_in(office: Office, header: str) -> None:
    found = office.call("GET", "/api/v1/licences", headers={"authorization": header})
    assert found.status_code == 401
    assert found.json()["title_zh"]


def test_a_department_sees_and_touches_only_its_own(office: Office) -> None:
    made = post(office, {"type": BUSINESS, "values": office.business()}, "own").json()
    office.settle()
    for path in ("", "/file", "/receipt", "/paper.txt"):
        found = office.call("GET", f"/api/v1/licences/{made['id']}{path}", headers=office.headers(2))
        assert found.status_code == 404
    act = {"act": "REVOKED", "licences": [made["id"]], "legal_basis": "x"}
    found = office.call("POST", "/api/v1/status-acts", json=act, headers=office.headers(2, "foreign"))
    assert found.status_code == 404
    listed = office.call("GET", "/api/v1/licences", headers=office.headers(2)).json()["items"]
    assert made["id"] not in [item["id"] for item in listed]


def test_faults_are_named_field_by_field(office: Office) -> None:
    found = post(
        office, {"type": BUSINESS, "values": office.business(estDate="2023-02-30", entName="")}, "faults"
    )
    assert found.status_code == 422
    assert {problem["field"] for problem in found.json()["problems"]} >= {"estDate", "entName"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"type": BUSINESS},
        {"type": 7, "values": {}},
        {"type": BUSINESS, "values": [], "more": 1},
        {"type": BUSINESS, "values": {}, "succeeds": "BURNED"},
    ],
)
def test_a_request_of_another_shape_is_a_problem_not_a_crash(office: Office, body: object) -> None:
    found = post(office, body, "shape")
    assert (found.status_code, found.headers["content-type"]) == (422, "application/problem+json")


def test_unknown_types_and_licences_are_not_found(office: Office) -> None:
    assert post(office, {"type": "nothing", "values": {}}, "unknown").status_code == 404
    assert office.call("GET", "/api/v1/licences/ffff", headers=office.headers()).status_code == 404


@pytest.mark.parametrize(
    "query", ["after=99999999999999999999999", "after=-1", "after=x", "limit=0", "limit=100000"]
)
def test_a_cursor_that_is_none_is_a_problem(office: Office, query: str) -> None:
    assert office.call("GET", f"/api/v1/licences?{query}", headers=office.headers()).status_code == 422


def test_lists_come_page_by_page(office: Office) -> None:
    for number in range(3):
        post(office, {"type": BUSINESS, "values": office.business()}, f"page-{number}")
    seen, after = [], 0
    while after is not None:
        page = office.call("GET", f"/api/v1/licences?limit=2&after={after}", headers=office.headers()).json()
        seen += [item["id"] for item in page["items"]]
        after = page["next"]
    assert len(seen) == len(set(seen)) >= 3


def test_public_files_are_public_and_nothing_else_is(office: Office) -> None:
    digest = seeding.definitions()["business"].digest.hex()
    found = office.call("GET", f"/public/types/{digest}.json")
    assert found.content == seeding.definitions()["business"].canonical()
    assert "immutable" in found.headers["cache-control"]
    assert office.call("GET", "/public/departments.json").json()[0]["id"] == 1
    for path in (
        "/public/../registry/registry.db",
        "/public/types/../../keys/unlock",
        "/public/x",
        "/public/1/leaves/",
    ):
        assert office.call("GET", path).status_code == 404


def test_health_and_readiness_are_said(office: Office) -> None:
    assert office.call("GET", "/healthz").json() == {"status": "ok"}
    told = office.call("GET", "/readyz").json()
    assert told["status"] == "ready", told
    assert {part["name"] for part in told["parts"] if part["needed"]} == {
        *("database", "signer", "deployment", "clock")
    }
    words = office.call("GET", "/readyz", headers={"accept": "text/plain"}).text
    assert words.startswith("就绪 · ready\n✓ database: 可写 · takes writes (sqlite)\n")


def test_an_import_over_http_names_rejected_rows(office: Office) -> None:
    text = seeding.TABLE.read_text("utf-8").splitlines()
    data = "\n".join([text[0], text[1].replace("60651", "6065x"), text[2]])
    files = {"table": ("t.csv", data), "mapping": ("m.toml", seeding.MAPPING.read_bytes())}
    found = office.call("POST", "/api/v1/imports", files=files, headers=office.headers(7)).json()
    assert (found["rows"], len(found["issued"])) == (2, 1)
    assert found["rejected"][0]["line"] == 2
    assert found["rejected"][0]["problems"][0]["field"] == "zipCode"


def test_documents_are_kept_and_named_by_digest(office: Office) -> None:
    good = office.call(
        "POST",
        "/api/v1/documents",
        files={"document": ("p.png", b"\x89PNG", "image/png")},
        headers=office.headers(),
    )
    assert (good.status_code, len(good.json()["digest"])) == (201, 43)
    bad = office.call(
        "POST",
        "/api/v1/documents",
        files={"document": ("p.exe", b"MZ", "text/html")},
        headers=office.headers(),
    )
    assert bad.status_code == 422


def test_the_api_describes_itself(office: Office) -> None:
    described = office.call("GET", "/openapi.json").json()
    assert len(described["paths"]) >= 12
    assert json.dumps(described).count('"summary"') >= 12


@pytest.mark.parametrize("path", ["departments.json", "7/status/1.bin", "1/vct/{business}/1"])
def test_who_holds_the_newest_public_file_is_not_sent_it_again(office: Office, path: str) -> None:
    path = f"/public/{path.format(business=BUSINESS)}"
    first = office.call("GET", path)
    assert first.status_code == 200
    again = office.call("GET", path, headers={"if-none-match": f'"x", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert office.call("GET", path, headers={"if-none-match": '"x"'}).status_code == 200


def test_a_wallet_finds_type_issuer_and_status_where_the_credential_says(office: Office) -> None:
    made = post(office, {"type": BUSINESS, "values": office.business()}, "wallet-1").json()
    office.settle()
    path = f"/api/v1/licences/{made['id']}/credential"
    found = office.call("POST", path, json={"disclose": ["entName"]}, headers=office.headers())
    assert found.headers["content-type"] == "application/dc+sd-jwt"
    credential = SdJwt.parse(found.text)
    assert [shown.name for shown in credential.disclosures] == ["entName"]
    kind = office.call("GET", urlsplit(credential.type_uri).path).json()
    assert kind["vct"] == credential.type_uri
    issuer = urlsplit(credential.envelope.issuer)
    known = office.call("GET", f"/.well-known/jwt-vc-issuer{issuer.path}").json()
    assert base64url(credential.kid) in [key["kid"] for key in known["jwks"]["keys"]]
    status = office.call("GET", urlsplit(credential.status_uri).path)
    assert status.headers["content-type"] == "application/statuslist+jwt"
    assert Jws.parse(status.text, "statuslist+jwt").payload["sub"] == credential.status_uri
    accept = {"accept": "application/statuslist+cwt"}
    assert office.call("GET", urlsplit(credential.status_uri).path, headers=accept).content[:1] == b"\xd2"


@pytest.mark.parametrize(
    "holder",
    [
        {"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256", "x": base64url(b"\1" * 32), "y": base64url(b"\1" * 32)},
        {"kty": "OKP"},
    ],
    ids=["another-curve", "no-point", "another-kind"],
)
def test_a_credential_is_bound_to_a_p_256_key_or_to_none(office: Office, holder: dict[str, str]) -> None:
    made = post(office, {"type": BUSINESS, "values": office.business()}, f"wallet-{holder}"[:90]).json()
    office.settle()
    path = f"/api/v1/licences/{made['id']}/credential"
    found = office.call("POST", path, json={"holder": holder}, headers=office.headers())
    assert (found.status_code, found.headers["content-type"]) == (422, "application/problem+json")
