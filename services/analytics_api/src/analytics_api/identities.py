"""Which identities have been seen: a bitmap of rows for each `event_source`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

# Bits in one piece of a bitmap. Rows far apart cost a piece each, never what lies between them.
PIECE_BITS: Final = 1 << 15


class SeenIdentities:
    """Remembers (`event_source`, `event_row`) of everything counted so far: a bit each."""

    def __init__(self) -> None:
        self._pieces: dict[tuple[str, int], bytearray] = {}

    def first_seen(self, sources: Sequence[str | None], rows: Sequence[int | None]) -> list[bool]:
        """Return, for each event in order, whether it is the first of its identity.

        An event without an identity is always one: its position on the stream is its own.
        """
        return [
            True if source is None or row is None else self._mark(source, row)
            for source, row in zip(sources, rows, strict=True)
        ]

    def sources(self) -> set[str]:
        """Return every `event_source` seen."""
        return {source for source, _ in self._pieces}

    def has(self, source: str, row: int) -> bool:
        """Whether an identity has been seen."""
        number, bit = divmod(row, PIECE_BITS)
        piece = self._pieces.get((source, number))
        return piece is not None and bool(piece[bit >> 3] & 1 << (bit & 7))

    def pieces(self) -> dict[tuple[str, int], bytes]:
        """Return the bitmaps by source and number of the piece."""
        return {place: bytes(piece) for place, piece in self._pieces.items()}

    def put_piece(self, source: str, number: int, bits: bytes) -> None:
        """Take a piece as `pieces` gave it."""
        self._pieces[source, number] = bytearray(bits)

    def _mark(self, source: str, row: int) -> bool:
        number, bit = divmod(row, PIECE_BITS)
        piece = self._pieces.get((source, number))
        if piece is None:
            piece = self._pieces[source, number] = bytearray(PIECE_BITS // 8)
        byte, mask = bit >> 3, 1 << (bit & 7)
        if piece[byte] & mask:
            return False
        piece[byte] |= mask
        return True
