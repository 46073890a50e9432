"""Settings from environment variables: frozen, read once, strict.

A settings class is a frozen dataclass whose fields carry `setting(...)`. A variable that begins
with the class's prefix and is not a setting stops the start: a set-but-unread variable is a typo.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from lake_core.errors import SettingsError

T = TypeVar("T")
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})


def setting(
    parse: Callable[[str], Any],
    *,
    help: str,  # noqa: A002 - argparse's word for it
    default: Any = dataclasses.MISSING,
) -> Any:
    """Declare a field: how its text is read, what it means (with its unit) and its default."""
    return dataclasses.field(default=default, metadata={"parse": parse, "help": help})


def flag(text: str) -> bool:
    """Read a yes/no setting."""
    lowered = text.lower()
    if lowered in _TRUE | _FALSE:
        return lowered in _TRUE
    raise ValueError("expected one of true, false, 1, 0, yes, no, on, off")


def positive_int(text: str) -> int:
    """Read a whole number above 0."""
    if (value := int(text)) > 0:
        return value
    raise ValueError("expected a whole number above 0")


def positive_float(text: str) -> float:
    """Read a number above 0."""
    if 0 < (value := float(text)) < float("inf"):
        return value
    raise ValueError("expected a number above 0")


def load(settings: type[T], prefix: str, environment: Mapping[str, str]) -> T:
    """Read `<prefix><FIELD>` for each field of a settings class.

    Raises:
        SettingsError: names every variable that is missing, unknown or cannot be read.
    """
    fields = {f"{prefix}{f.name.upper()}": f for f in dataclasses.fields(settings)}  # type: ignore[arg-type]
    unknown = [name for name in environment if name.startswith(prefix) and name not in fields]
    problems = [f"{name} is not a setting" for name in sorted(unknown)]
    values: dict[str, Any] = {}
    for name, field in fields.items():
        text = environment.get(name)
        try:
            if text is not None:
                values[field.name] = field.metadata["parse"](text)
            elif field.default is dataclasses.MISSING:
                problems.append(f"{name} is missing: {field.metadata['help']}")
        except (ValueError, SettingsError) as error:
            problems.append(f"{name}={text!r}: {error} ({field.metadata['help']})")
    if problems:
        raise SettingsError("; ".join(problems) + f". Settings: {', '.join(sorted(fields))}")
    return settings(**values)
