"""The Glue database and the tables over `processed/`, from core's declaration.

The curated Iceberg tables are not here: their entries change with every commit, so the ETL job
makes them from the same declaration (docs/adr/0006).
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_glue as glue
from constructs import Construct

from lake_core.catalog import processed_table, processed_table_name
from lake_core.names import GLUE_DATABASE, Domain
from lake_infra.addresses import BUCKET_NAME


def make_catalog(scope: Construct) -> None:
    """Make database and tables."""
    database = glue.CfnDatabase(
        scope,
        "Database",
        catalog_id=cdk.Aws.ACCOUNT_ID,
        database_input=glue.CfnDatabase.DatabaseInputProperty(
            name=GLUE_DATABASE, description="Machines and customers: streams, tables, insights"
        ),
    )
    for domain in Domain:
        table = cdk.CfnResource(
            scope,
            processed_table_name(domain).title().replace("_", ""),
            type="AWS::Glue::Table",
            properties={
                "CatalogId": cdk.Aws.ACCOUNT_ID,
                "DatabaseName": GLUE_DATABASE,
                "TableInput": processed_table(domain, BUCKET_NAME),
            },
        )
        table.add_resource_dependency(database)
