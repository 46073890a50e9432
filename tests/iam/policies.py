"""The roles of the templates, and what they allow: IAM's rules as far as these templates go.

Statements that allow, wildcards, and the condition operators in use; anything else is refused to be
read rather than guessed at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from tests.iam.asked import Call
from tests.templates import filled, of_type


@dataclass(frozen=True)
class Statement:
    """One that allows; its name is the grant's."""

    name: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, Any]]

    def allows(self, call: Call) -> bool:
        return (
            any(_like(call.action.lower(), action.lower()) for action in self.actions)
            and any(_like(call.resource, resource) for resource in self.resources)
            and all(
                _holds(operator, call.context.get(key), _tuple(wanted))
                for operator, keys in self.conditions.items()
                for key, wanted in keys.items()
            )
        )


Role = tuple[Statement, ...]


def roles(templates: Iterable[Mapping[str, Any]]) -> dict[str, Role]:
    """Return each role's statements by the role's name."""
    found: dict[str, Role] = {}
    for template in templates:
        policies = of_type(template, "AWS::IAM::Policy").values()
        for logical, properties in of_type(template, "AWS::IAM::Role").items():
            statements = [
                _statement(raw)
                for policy in policies
                if {"Ref": logical} in policy["Roles"]
                for raw in policy["PolicyDocument"]["Statement"]
            ]
            found[filled(properties["RoleName"])] = tuple(statements)
    return found


def _statement(raw: Mapping[str, Any]) -> Statement:
    known = {"Sid", "Effect", "Action", "Resource", "Condition"}
    if raw["Effect"] != "Allow" or not set(raw) <= known:
        raise LookupError(f"a statement of another kind: {raw}")
    return Statement(
        str(raw.get("Sid", "")),
        _tuple(raw["Action"]),
        _tuple(filled(raw["Resource"])),
        filled(raw.get("Condition", {})),
    )


def unused(role: Role, calls: Iterable[Call]) -> Iterator[str]:
    """Yield what a role allows and no call has used: `<statement> <action or resource>`."""
    asked = list(calls)
    for statement in role:
        used = [call for call in asked if statement.allows(call)]
        for action in statement.actions:
            if not any(_like(call.action.lower(), action.lower()) for call in used):
                yield f"{statement.name} {action}"
        for resource in statement.resources:
            if not any(_like(call.resource, resource) for call in used):
                yield f"{statement.name} {resource}"


def _holds(operator: str, has: tuple[str, ...] | None, wanted: tuple[str, ...]) -> bool:
    match operator:
        case "StringEquals" | "ArnEquals":
            return bool(has) and all(value in wanted for value in has or ())
        case "StringLike":
            return bool(has) and all(_any_like(value, wanted) for value in has or ())
        case "ForAllValues:StringEquals":
            return all(value in wanted for value in has or ())
        case "ForAllValues:StringLike":
            return all(_any_like(value, wanted) for value in has or ())
    raise LookupError(f"the operator {operator} is not known here")


def _any_like(value: str, patterns: tuple[str, ...]) -> bool:
    return any(_like(value, pattern) for pattern in patterns)


def _like(value: str, pattern: str) -> bool:
    # IAM knows * and ? alone; fnmatch would take [ for a class.
    return fnmatchcase(value, pattern.replace("[", "[[]"))


def _tuple(value: Any) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) else (value,)
