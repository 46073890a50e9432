"""Makes the Glue database and the tables over `processed/`; the ETL jobs make the curated ones.

The crawlers of the contract exist on AWS alone: the emulator's report success without looking.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from lake_core.catalog import processed_table
from lake_core.errors import LakeError
from lake_core.names import BUCKET, GLUE_DATABASE, Domain
from lake_local.aws import ServiceError, error_code

if TYPE_CHECKING:
    from types_boto3_glue import GlueClient
    from types_boto3_glue.type_defs import TableInputTypeDef

DESCRIPTION = "factory machines and web-shop customers: scored events, curated tables"


class CatalogError(LakeError):
    """The catalog does not hold what was put into it."""


def make_catalog(glue: GlueClient) -> list[str]:
    """Make database and tables, or bring them up to date; return a line, as read back.

    Raises:
        CatalogError: names the table that is not as it was declared.
    """
    try:
        glue.create_database(DatabaseInput={"Name": GLUE_DATABASE, "Description": DESCRIPTION})
    except ServiceError as error:
        if error_code(error) != "AlreadyExistsException":
            raise
    for domain in Domain:
        _make_table(glue, processed_table(domain, BUCKET))
    return [f"catalog {GLUE_DATABASE}"]


def _make_table(glue: GlueClient, declared: dict[str, Any]) -> None:
    wanted = cast("TableInputTypeDef", declared)
    try:
        glue.create_table(DatabaseName=GLUE_DATABASE, TableInput=wanted)
    except ServiceError as error:
        if error_code(error) != "AlreadyExistsException":
            raise
        glue.update_table(DatabaseName=GLUE_DATABASE, TableInput=wanted)
    found = glue.get_table(DatabaseName=GLUE_DATABASE, Name=declared["Name"])["Table"]
    columns = [column["Name"] for column in found["StorageDescriptor"]["Columns"]]
    if columns != [column["Name"] for column in declared["StorageDescriptor"]["Columns"]]:
        raise CatalogError(
            f"the table {declared['Name']} has the columns {columns} after it was made"
        )
