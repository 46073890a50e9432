"""An import-linter contract: what a package may import from outside, as a list of what is allowed.

A list of what is forbidden forgets the next library; this one must name each.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from fnmatch import fnmatchcase

import grimp
from importlinter import Contract, ContractCheck, fields, output


def refused(
    imports: Iterable[tuple[str, str]], everywhere: Iterable[str], only_in: Iterable[str]
) -> list[tuple[str, str]]:
    """Return the (importer, imported) pairs that no rule allows.

    `everywhere` names libraries; `only_in` holds rules `module pattern -> library`.
    """
    free = {*sys.stdlib_module_names, *everywhere}
    rules = [tuple(part.strip() for part in rule.split("->")) for rule in only_in]
    return [
        (importer, imported)
        for importer, imported in imports
        if (library := imported.split(".")[0]) not in free
        and not any(fnmatchcase(importer, rule[0]) and library == rule[1] for rule in rules)
    ]


class AllowedImports(Contract):
    """`package` imports `everywhere` libraries anywhere, and others `only_in` named modules."""

    type_name = "allowed_imports"

    package = fields.StringField()
    everywhere = fields.SetField(subfield=fields.StringField(), required=False)
    only_in = fields.SetField(subfield=fields.StringField(), required=False)

    def check(self, graph: grimp.ImportGraph, verbose: bool) -> ContractCheck:
        """Look at every import that leaves the root packages."""
        del verbose
        package = str(self.package)
        pairs = [
            (importer, imported)
            for importer in sorted({package} | graph.find_descendants(package))
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if graph.is_module_squashed(imported)  # an external one
        ]
        wrong = refused(pairs, _texts(self.everywhere), _texts(self.only_in))
        return ContractCheck(kept=not wrong, metadata={"wrong": wrong})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Name every import that is not allowed."""
        for importer, imported in check.metadata["wrong"]:
            output.print_error(f"{importer} imports {imported}, which no rule allows", bold=False)


def _texts(value: object) -> set[str]:
    return {str(item) for item in value} if isinstance(value, Iterable) else set()
