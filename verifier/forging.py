"""Forge it yourself: a presentation with other values in it, so that anybody can watch the checks catch it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from licence.canonical import JsonValue
from licence.definition import Group
from licence.errors import MalformedError
from licence.facts import Unknown
from licence.file import LicenceFile
from licence.presentation import Presentation, read
from licence.sd_jwt import SdJwt
from verifier.trust import Trust


class ForgeError(Exception):
    """Nothing that could be forged; the message says why."""


def forge(trust: Trust, text: str, values: Mapping[str, Any]) -> str:
    """The text of the presentation with some values replaced; signature, seeds and receipt stay as they are.

    Raises:
        ForgeError: no licence, of a type that is not known here, or no field of that name.
    """
    try:
        presentation = read(text)
    except MalformedError as error:
        raise ForgeError("a licence that can be read is needed to forge it") from error
    try:
        return _changed(trust, presentation, values)
    except MalformedError as error:
        raise ForgeError("texts, whole numbers, booleans and lists of them can be put in") from error


def _changed(trust: Trust, presentation: Presentation, values: Mapping[str, Any]) -> str:
    if isinstance(presentation, SdJwt):
        raise ForgeError("a code or a licence file is needed to forge it, not a wallet's credential")
    names = _public_names(trust, presentation)
    if isinstance(presentation, LicenceFile):
        return _file(presentation, values).render().decode()
    unknown = set(values) - set(names)
    if unknown:
        raise ForgeError(f"{len(unknown)} of these are no fields of this code")
    shown = tuple(values.get(name, value) for name, value in zip(names, presentation.values, strict=True))
    return replace(presentation, values=shown).text()


def _file(presentation: LicenceFile, values: Mapping[str, JsonValue]) -> LicenceFile:
    unknown = set(values) - set(presentation.public) - set(presentation.private)
    if unknown:
        raise ForgeError(f"{len(unknown)} of these are no fields of this file")
    public = {name: values.get(name, value) for name, value in presentation.public.items()}
    private = {name: values.get(name, value) for name, value in presentation.private.items()}
    return replace(presentation, public=public, private=private)


def _public_names(trust: Trust, presentation: Presentation) -> list[str]:
    head = trust.index.head
    definition = trust.facts(presentation, trust.index, head).definition if head else None
    if definition is None or isinstance(definition, Unknown):
        raise ForgeError("the type of this licence is not known here")
    return [field.name for field in definition.group(Group.PUBLIC)]
