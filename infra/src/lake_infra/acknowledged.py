"""Findings of the linters that stand, each with its reason, written beside what they are about.

One call serves both: cdk-nag's AwsSolutions pack, and checkov through the template's metadata.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import aws_cdk as cdk
from constructs import IConstruct

PACK: Final = "AwsSolutions"


def acknowledge(
    construct: IConstruct, reason: str, *, nag: Sequence[str] = (), checkov: Sequence[str] = ()
) -> None:
    """Let findings about a construct stand.

    `nag` are rules of AwsSolutions without the prefix, with the finding in brackets where a rule
    has several; `checkov` are its ids, and hold for the construct's own resource.
    """
    for rule in nag:
        cdk.Validations.of(construct).acknowledge(
            cdk.Acknowledgment(id=f"{PACK}-{rule}", reason=reason)
        )
    if checkov:
        resource = construct.node.default_child or construct
        if not isinstance(resource, cdk.CfnResource):
            raise TypeError(f"{construct.node.path} has no resource of its own")
        known = resource.get_metadata("checkov") or {"skip": []}
        skip = [*known["skip"], *({"id": rule, "comment": reason} for rule in checkov)]
        resource.add_metadata("checkov", {"skip": skip})
