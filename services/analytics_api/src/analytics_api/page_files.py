"""The files of the page and of /docs, in memory: ours, and those that packages carry."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from analytics_api.prepared import etag_of

MEDIA_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
GZIP_LEVEL: Final = 6  # of plotly's 4.8 MB it leaves 1.47 MB in 0.13 s; level 9 saves 0.2 % more
# Nothing of these packages is copied here: their versions are locked, and so are their files.
PACKAGED: Final = {
    "plotly.min.js": ("plotly", "plotly/package_data/plotly.min.js"),
    "swagger-ui.js": ("fastapi_offline", "fastapi_offline/static/swagger-ui-bundle.js"),
    "swagger-ui.css": ("fastapi_offline", "fastapi_offline/static/swagger-ui.css"),
}


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file as it goes out: plain for who cannot unpack it, compressed for all others."""

    body: bytes
    packed: bytes
    etag: str
    media_type: str


@cache
def page_files() -> Mapping[str, PageFile]:
    """Return every file by its name: `index.html`, `docs.html`, and what they name."""
    return {name: _prepared(name, path.read_bytes()) for name, path in _found()}


def _found() -> Iterator[tuple[str, Traversable | Path]]:
    for path in files("analytics_api").joinpath("web").iterdir():
        if path.name.endswith(tuple(MEDIA_TYPES)):
            yield path.name, path
    for name, (package, inside) in PACKAGED.items():
        # Not imported: plotly's Python is large, and not in the image.
        yield name, Path(str(distribution(package).locate_file(inside)))


def _prepared(name: str, body: bytes) -> PageFile:
    media_type = MEDIA_TYPES["." + name.rpartition(".")[2]]
    packed = gzip.compress(body, GZIP_LEVEL, mtime=0)
    return PageFile(body, packed, etag_of(body).decode(), media_type)
