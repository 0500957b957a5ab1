"""A paper, whole: what it prints, how that is audited, what it claims, and which runs speak to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

from environments import family_names
from suite.errors import UsageError, unknown
from suite.papers.agreement import check_agreement
from suite.papers.audit import read_checks
from suite.papers.checks.check import Check
from suite.papers.claims import Claim, ClaimsFile, in_variant
from suite.papers.eligibility import PaperSettings
from suite.papers.folder import ABOUT, CLAIMS, SETTINGS, SHIPPED, Folder, read_folder, shipped_papers
from suite.papers.power import Power, read_power
from suite.papers.reference import ReferenceRun, read_reference
from suite.papers.sources import Block, SettingsFile
from suite.papers.statements import label
from suite.plain_yaml import read_yaml
from suite.plan.environment_sets import kind_of, named_environments


@dataclass(frozen=True)
class Paper(Folder):
    """A paper's folder, read and checked."""

    checks: Mapping[str, Check]
    claims: Sequence[Claim]
    """Claims about the plain entries."""
    settings: PaperSettings
    reference: Sequence[ReferenceRun]
    power: Sequence[Power]
    """The power of three seeds for its claims; empty where nobody has tried."""

    def variants(self, entries: set[str]) -> list[Claim]:
        """Return the claims, and those of every variant whose entries are all there."""
        found = list(self.claims)
        for variant, environments in self.settings.variants:
            if {f"{entry}-{variant.ending}" for entry in variant.entries} <= entries:
                found += [each for claim in self.claims if (each := in_variant(claim, variant, environments))]
        return found

    def unit(self, environment: str) -> float:
        """Return what a return is divided by to be in the paper's unit."""
        units = self.about.units.get(kind_of(environment) or "")
        return units.divide if units else 1.0

    def end_values(self, environment: str) -> dict[str, float]:
        """Return the final scores that the paper prints for an environment, by entry, in its unit."""
        found: dict[str, float] = {}
        for table in self.tables.values():
            if table.about.measure == "score" and environment in table.rows:
                found |= {name: float(table.cell(environment, name)) for name in table.number_columns}
        return found

    def hours(self, entry: str) -> float | None:
        """Return the mean hours of a run, if the paper prints seconds of an entry or of its plain form."""
        for table in self.tables.values():
            for name in table.number_columns if table.about.measure == "seconds_total" else []:
                if entry == name or entry.startswith(f"{name}-"):
                    return float(table.numbers(name).mean()) / 3600
        return None


def read_paper(name: str) -> Paper:
    """Read a paper that comes with the suite by its name, or any paper's folder by its path.

    Raises
    ------
    UsageError
        If there is no such paper, or something in its folder is not valid: one line says which file, key and value.
    """
    folder = read_folder(name)
    claims_file, settings_file = ClaimsFile({}), SettingsFile(settings=[])
    if folder.has(CLAIMS) or folder.has(SETTINGS):  # an audit alone has neither, a claim needs settings
        claims_file, settings_file = folder.read(CLAIMS, ClaimsFile), folder.read(SETTINGS, SettingsFile)
    settings = PaperSettings(
        settings_file.algorithms,
        _placed(folder, SETTINGS, "settings", settings_file.settings),
        [
            (
                variant,
                None
                if variant.environments is None
                else _environments(folder, SETTINGS, f"variants.{number}", variant.environments),
            )
            for number, variant in enumerate(settings_file.variants)
        ],
        _placed(folder, ABOUT, "protocol", folder.about.protocol),
    )
    claims = [
        Claim(key, about, tuple(_environments(folder, CLAIMS, key, about.environments)))
        for key, about in claims_file.root.items()
    ]
    paper = Paper(
        folder.name,
        folder.folder,
        folder.about,
        folder.tables,
        read_checks(folder),
        claims,
        settings,
        read_reference(folder),
        read_power(folder),
    )
    for claim in claims:
        _check_claim(paper, claim)
    check_agreement(paper, paper.checks, claims, settings)
    if folder.folder.parent != SHIPPED:  # tests hold those that ship against the algorithms, which are slow to import
        _check_settings(paper)
    return paper


def read_papers(names: Sequence[str] | None = None) -> list[Paper]:
    """Read the papers of these names or paths; by default all that come with the suite."""
    return [read_paper(name) for name in names] if names else list(_all_shipped())


def judged_papers(names: Sequence[str] | None) -> list[Paper] | None:
    """Read the papers that are to be judged: none if none are named, and None if nobody has said."""
    return None if names is None else [read_paper(name) for name in names]


@cache
def _all_shipped() -> tuple[Paper, ...]:
    return tuple(read_paper(name) for name in shipped_papers())


def _environments(folder: Folder, file: str, key: str, names: str | Sequence[str]) -> list[str]:
    try:
        found = named_environments(names, folder.about.environments)
        for name in found:
            if name not in family_names():
                raise UsageError(unknown("environment", name, family_names()))
    except UsageError as error:
        raise UsageError(f"paper file {folder.folder / file}: {key}: {error}") from error
    return found


def _placed(folder: Folder, file: str, key: str, blocks: Sequence[Block]) -> list[tuple[Block, Sequence[str] | None]]:
    return [
        (
            block,
            None if block.environments is None else _environments(folder, file, f"{key}.{number}", block.environments),
        )
        for number, block in enumerate(blocks)
    ]


def _check_claim(paper: Paper, claim: Claim) -> None:
    """Refuse a claim about an entry that no table has, where one is named."""
    where = f"paper file {paper.folder / CLAIMS}: {claim.key}"
    if claim.about.table is not None:
        if claim.about.table not in paper.tables:
            raise UsageError(f"{where}: {unknown('table', claim.about.table, paper.tables)}")
        table = paper.tables[claim.about.table]
        for entry in claim.entries:
            if table.heading(entry) not in table.number_columns:
                raise UsageError(
                    f"{where}: entries: {table.about.title} has none of {entry!r}; it has "
                    + ", ".join(table.number_columns)
                )
        for environment in claim.environments:
            if environment not in table.environments:
                raise UsageError(f"{where}: {table.about.title}: {unknown('row', environment, table.environments)}")


def _check_settings(paper: Paper) -> None:
    """Refuse entries of claims, or of their variants, whose settings or protocol are not all there and allowed."""
    judged = set()
    variants = [
        each for claim in paper.claims for variant in paper.settings.variants if (each := in_variant(claim, *variant))
    ]
    for claim in (*paper.claims, *variants):
        for entry, environment in product(map(label, claim.entries), claim.environments):
            judged.add((entry, environment))
            try:
                if not paper.settings.of(entry, environment):
                    raise UsageError(f"{entry} on {environment}: has no settings, but {claim.key} claims something")
                paper.settings.expected(entry, environment)
            except UsageError as error:
                raise UsageError(f"paper file {paper.folder / SETTINGS}: {error}") from error
    _check_benchmarks(paper, judged)


def _check_benchmarks(paper: Paper, judged: set[tuple[str, str]]) -> None:
    """Refuse benchmarks that plan runs of an entry of a claim at the paper's settings, and too few of them.

    Where none are, they are at a scale of their own.
    """
    from suite.plan.benchmark import load_benchmark

    seeds: dict[tuple[str, str], set[int]] = {}
    for path in sorted(paper.folder.glob("benchmarks/*.yaml")):
        if _has_modules(path, set()):
            continue  # they would be executed
        for spec in load_benchmark(str(path)).plan():
            if (key := (spec.label, spec.environment)) in judged and paper.settings.speaks(spec):
                seeds.setdefault(key, set()).add(spec.seed)
    needed = paper.about.seeds
    for (entry, environment), found in sorted(seeds.items()):
        if len(found) < needed:
            raise UsageError(
                f"paper file {paper.folder / SETTINGS}: {entry} on {environment}: benchmarks/ plans {len(found)} seeds "
                f"with these settings and protocol, and {needed} decide"
            )


def _has_modules(path: Path, seen: set[Path]) -> bool:
    """Tell whether a benchmark's file, or one that it includes, names user modules."""
    from suite.plan.benchmark import Benchmark, shipped_files

    if path.resolve() in seen or not path.is_file():
        return False  # to plan it says what is wrong
    seen.add(path.resolve())
    file = read_yaml(path, Benchmark, "benchmark file")
    return bool(file.modules) or any(
        _has_modules(shipped_files().get(name, path.parent / name), seen) for name in file.include
    )
