"""What the Glue jobs run, as `make synth` leaves it in a directory: scripts, wheels, their lock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from lake_core.errors import InputError
from lake_core.names import ETL_JOBS

WHEELS: Final = ("lake_core", "lake_glue")
# What Glue 5.1 lacks, or has older than core needs; their versions are those of the jobs' lock.
LOCKED: Final = ("msgspec", "pyarrow")
LOCK: Final = "glue.txt"
_PIN: Final = re.compile(r"^[a-z0-9-]+==[^ \\\n]+", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Artifacts:
    """The directory. Every method raises InputError where it does not hold what it should."""

    directory: Path

    def script(self, job: str) -> Path:
        """Return a job's script."""
        return self._found(f"{job}.py")

    def wheels(self) -> list[Path]:
        """Return our own packages."""
        return [self._found(f"{name}-*.whl") for name in WHEELS]

    def pins(self) -> list[str]:
        """Return `<name>==<version>` of the other packages."""
        lock = self._found(LOCK).read_text(encoding="utf-8")
        found = {pin.split("==")[0]: pin for pin in _PIN.findall(lock)}
        if missing := [name for name in LOCKED if name not in found]:
            raise InputError(f"the jobs' lock has no {', '.join(missing)}")
        return [found[name] for name in LOCKED]

    def _found(self, pattern: str) -> Path:
        found = sorted(self.directory.glob(pattern))
        if len(found) != 1:
            raise InputError(
                f"{self.directory} holds {len(found)} of {pattern}, not one; `make synth` puts "
                "there what the Glue jobs run"
            )
        return found[0]

    @classmethod
    def stand_ins(cls, directory: Path) -> Self:
        """Write files in their place: what is in them does not show in a template."""
        directory.mkdir(parents=True, exist_ok=True)
        for name in (
            *(f"{wheel}-0.0.0-py3-none-any.whl" for wheel in WHEELS),
            *(f"{job}.py" for job in ETL_JOBS.values()),
        ):
            (directory / name).write_text(name, encoding="utf-8")
        lock = "".join(f"{name}==0.0.0\n" for name in LOCKED)
        (directory / LOCK).write_text(lock, encoding="utf-8")
        return cls(directory)
