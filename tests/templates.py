"""Reads templates: resources of a type, and texts with account and region filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ACCOUNT = "000000000000"
REGION = "us-east-1"
PSEUDO = {"AWS::AccountId": ACCOUNT, "AWS::Region": REGION, "AWS::Partition": "aws"}


def of_type(template: Mapping[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """Return the properties of the resources of a type, by logical id."""
    return {
        name: resource.get("Properties", {})
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def only(template: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return the properties of the one resource of a type."""
    (properties,) = of_type(template, kind).values()
    return properties


def text(node: Any) -> str:
    """Return a text of a template with its references filled in or named."""
    match node:
        case str():
            return node
        case {"Fn::Join": [separator, [*parts]]}:
            return str(separator).join(text(part) for part in parts)
        case {"Ref": name}:
            return PSEUDO.get(name, f"<{name}>")
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Sub": str(template)}:
            for name, value in PSEUDO.items():
                template = template.replace(f"${{{name}}}", value)
            return template
        case {"Fn::ImportValue": name}:
            return f"<{text(name)}>"
    raise TypeError(f"no text: {node}")


def filled(node: Any) -> Any:
    """Return a piece of a template with every reference in it filled in or named."""
    match node:
        case {"Fn::Join": _} | {"Ref": _} | {"Fn::GetAtt": _} | {"Fn::ImportValue": _}:
            return text(node)
        case dict():
            return {key: filled(value) for key, value in node.items()}
        case list():
            return [filled(value) for value in node]
    return node
