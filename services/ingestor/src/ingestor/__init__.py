"""Replays CSV files into Kinesis: every event with its identity, at the pace that is asked for."""
