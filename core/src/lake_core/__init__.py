"""What every part of the lake agrees on. Imports no SDK; see docs/architecture.md."""
