"""JSON log lines on stderr: one object a line, so that a machine and `jq` can read them."""

from __future__ import annotations

import datetime as dt
import logging
import sys
from typing import Any, Final

import msgspec

_STANDARD: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}
_encoder: Final = msgspec.json.Encoder(enc_hook=str)
_bound: Final[dict[str, Any]] = {}  # what every line of this process carries


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object; what was passed as `extra` becomes keys of it."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(
                timespec="milliseconds"
            ),
            "level": record.levelname.lower(),
            "service": self._service,
            "message": record.getMessage(),
        }
        line |= _bound
        line |= {k: v for k, v in record.__dict__.items() if k not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _encoder.encode(line).decode()


def bind(**fields: Any) -> None:
    """Put fields into every line from now on: what the whole process is about, as its shard."""
    _bound.update(fields)


def configure_logging(service: str, level: int = logging.INFO) -> None:
    """Send every logger's lines to stderr as JSON. stdout is left to the program."""
    _bound.clear()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # botocore logs its credentials' source at INFO on every client, py4j each connection.
    for chatty in ("botocore", "boto3", "urllib3", "s3transfer", "py4j"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
