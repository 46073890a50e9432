"""Scores the records of one stream and lands them exactly once as Parquet in S3."""
