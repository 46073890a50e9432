"""The Glue jobs: ranges of `processed/` become curated Iceberg tables (docs/adr/0005)."""
