"""Fixtures of the tests that talk to an AWS emulator."""

from tests.aws import aws, emulator

__all__ = ["aws", "emulator"]
