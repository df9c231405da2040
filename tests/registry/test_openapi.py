"""The doors do what their OpenAPI description says: asked by schemathesis with what it invents, good and bad."""

from typing import Any, cast

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from registry.house import House
from registry.main import create_app
from tests.registry.office import Office

DOORS = {
    *(
        "/healthz",
        "/readyz",
        "/metrics",
        "/api/v1/deployment",
        "/api/v1/licences",
        "/api/v1/licences/{licence_id}",
    ),
    *("/api/v1/licences/{licence_id}/file", "/api/v1/licences/{licence_id}/receipt"),
    *("/api/v1/licences/{licence_id}/credential", "/api/v1/status-acts", "/api/v1/status-acts/{request}"),
    *("/api/v1/imports", "/api/v1/documents", "/public/{name}", "/public/{department}/status/{number}"),
    *("/public/{department}/status/{number}.bin", "/public/{department}/vct/{code}/{version}"),
}


UPLOADS = {"POST /api/v1/imports", "POST /api/v1/documents"}
LABELS = [
    f"{method.upper()} {path}"
    for path, doors in FastAPI.openapi(create_app(cast(House, None)))["paths"].items()
    for method in doors
]


@pytest.fixture(scope="module")
def operations(office: Office) -> dict[str, Any]:
    """The doors of an application over the office, by method and path."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(office.house))
    return {found.ok().label: found.ok() for found in cast(Any, schema.get_all_operations())}


@pytest.mark.parametrize("mode", list(GenerationMode), ids=[mode.value for mode in GenerationMode])
@pytest.mark.parametrize("label", LABELS)
def test_every_door_does_what_it_says(
    label: str, mode: GenerationMode, operations: dict[str, Any], office: Office
) -> None:
    """Input by the description, and input against it: never a 5xx, always an answer that is described."""
    operation = operations[label]
    strategy = operation.as_strategy(generation_mode=mode)

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(case=strategy)
    def asked(case: Any) -> None:
        # What an uploaded file must hold is beyond what a description can say.
        beyond = [positive_data_acceptance] if label in UPLOADS else []
        case.call_and_validate(headers=office.headers(1, "invented"), excluded_checks=beyond)

    try:
        asked()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # a door that takes any text has no input against it


def test_every_answer_has_an_example(office: Office) -> None:
    described = office.call("GET", "/openapi.json").json()
    assert set(described["paths"]) >= DOORS
    for path, doors in described["paths"].items():
        for method, door in doors.items():
            for status, answer in door["responses"].items():
                if status == "304":
                    continue
                for kind, content in answer["content"].items():
                    said = content.get("example") or content.get("examples") or _examples(content, described)
                    assert said, f"{method} {path} {status} {kind}: no example"


def _examples(content: dict[str, Any], described: dict[str, Any]) -> bool:
    """Whether every property of the model has an example, or is a model of which that holds."""
    name = str(content["schema"].get("$ref", "")).rpartition("/")[2]
    if not name:
        return False
    properties = described["components"]["schemas"][name]["properties"]
    return all("examples" in each or "$ref" in str(each) for each in properties.values())
