"""Serves live, cross-domain insight over HTTP from memory; see docs/api.md."""
