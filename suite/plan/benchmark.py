"""Benchmarks: YAML files that list algorithms x environments x seeds, and the runs they stand for."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    PlainValidator,
    PrivateAttr,
    create_model,
    model_validator,
)

from algorithms import ENTRANTS
from environments import added_options, family_names, family_options, family_spec
from suite.characters import lookalike
from suite.errors import UsageError, unknown
from suite.plain_yaml import read_yaml
from suite.plan.environment_sets import named_environments
from suite.plan.plots import Plot
from suite.plan.post_run import REQUESTS
from suite.plan.ranges import Tuning
from suite.plan.requests import StepSettings
from suite.plan.seeds import AdaptiveSeeds, Comparison, seeds
from suite.plan.settings import used_settings
from suite.plan.user_modules import load_modules, modules_of, plots_of
from suite.schema import Strict
from suite.spec import RunSpec, StepwiseTest
from suite.versions import numeric_versions

SUITE = Path(__file__).parents[1]
SHIPPED = ("plan/benchmarks/*.yaml", "papers/*/benchmarks/*.yaml")
"""The files of shipped benchmarks: the suite's own, and those of papers."""


INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\u2800]"
)
"""Unicode's property Default_Ignorable_Code_Point (DerivedCoreProperties.txt), and the blank pattern of Braille."""


def _looks_like_itself(label: str) -> str:
    """Refuse a label that a reader cannot tell from another one."""
    seen = label.isprintable() and not INVISIBLE.search(label)
    if (
        label != " ".join(label.split())
        or label != unicodedata.normalize("NFKC", label)
        or not seen
        or _bare_mark(label)
    ):
        raise ValueError("must be visible characters, with single spaces between words and none around them")
    if (word := lookalike(label)) is not None:
        letters = ", ".join(dict.fromkeys(unicodedata.name(each, "?") for each in word))
        raise ValueError(
            f"{word!r} looks like something else: write it in letters of one script that is in wide use, and with the "
            f"signs of a keyboard; its own are {letters}"
        )
    if any(unicodedata.category(each) == "Nd" and not each.isascii() for each in label):
        raise ValueError("must have the digits 0 to 9, and no others")
    return label


def _bare_mark(label: str) -> bool:
    """Return whether a word begins with a combining mark, which has no letter to stand on."""
    return any(unicodedata.category(word[0]).startswith("M") for word in label.split())


Label = Annotated[str, Field(min_length=1, max_length=60), AfterValidator(_looks_like_itself)]


def _named(environments: Any) -> Any:
    try:
        return named_environments(environments) if isinstance(environments, str) else environments
    except UsageError as error:
        raise ValueError(str(error)) from error


class Entry(Strict):
    """One algorithm of a group, under the name by which tables show it."""

    algorithm: str | None = None
    """The label itself by default."""
    settings: dict[str, Any] = Field(default_factory=dict)


class Group(Strict):
    """Algorithms x environments x seeds, under one budget."""

    environments: Annotated[list[str], Field(min_length=1), BeforeValidator(_named)]
    """In a file also the name of a set of `environment_sets.yaml`."""
    environment_options: dict[str, str] = Field(default_factory=dict)
    algorithms: Annotated[dict[Label, Entry | None], Field(min_length=1)]
    seeds: Annotated[list[int] | AdaptiveSeeds, PlainValidator(seeds)]
    budget: Annotated[int, Field(gt=0, le=10**12)]
    evaluations: Annotated[int, Field(ge=1, le=10**6)] = 50
    horizon: int | None = None
    exploration_episodes: int | None = None
    train_tasks: int | None = None
    test_tasks: int | None = None
    """Another protocol than the environment's own, which is the paper's; see `environments.make_family`."""
    stepwise_test: StepwiseTest | None = None
    """Meta-test step by step, instead of the exploration episodes and one evaluation episode."""
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    """Threads of each run, for matrix products; never chosen by how busy a machine is."""
    tune: Tuning | None = None
    """Ranges that `suite tune` searches; of no meaning to runs."""

    @property
    def algorithms_by_label(self) -> dict[str, str]:
        """The algorithm of each entry."""
        return {label: (entry and entry.algorithm) or label for label, entry in self.algorithms.items()}


if TYPE_CHECKING:

    class _WithRequests(BaseModel): ...

else:
    _WithRequests = create_model("_WithRequests", **{step: (list[item], []) for step, item in REQUESTS.items()})


class Benchmark(_WithRequests, Strict):
    """A named list of groups, and of other benchmarks that it includes: shipped ones, or files beside its own.

    A file may also ask for post-run steps, under the name of each: `suite.plan.post_run.REQUESTS`.
    """

    name: Label
    description: str
    include: list[str] = Field(default_factory=list)
    groups: list[Group] = Field(default_factory=list)
    modules: list[str] = Field(default_factory=list)
    """User modules: files beside the benchmark's own, or installed ones; see `suite.plan.user_modules`."""
    papers: list[str] | None = None
    """Papers whose claims its page judges; by default those with a claim about its entries and environments."""
    compare: list[tuple[Label, Label]] = Field(default_factory=list)
    """Pairs of labels that its page compares first."""
    _path: Path = PrivateAttr(default=Path())
    """Its own file."""
    _trusted: bool = PrivateAttr(default=False)
    """True if user modules of files that it includes may be executed."""

    @property
    def folder(self) -> Path:
        """The folder of its file, which files that it names are beside."""
        return self._path.parent.resolve()

    @model_validator(mode="after")
    def _not_empty(self) -> Benchmark:
        if not self.groups and not self.include:
            raise ValueError("groups: holds nothing to run")
        return self

    def plan(self, seeds: Mapping[Comparison, int] | None = None) -> list[RunSpec]:
        """Return the runs, each once, in the order of the file.

        Parameters
        ----------
        seeds : how many of them each comparison gets that decides how many it needs; by default all it may come to.

        Raises
        ------
        UsageError
            If an algorithm, environment, option or setting is unknown or not allowed, a seed is repeated, one run has
            two labels, or a post-run step is asked for that cannot be done.
        """
        specs = _each_once(spec for cell in self._cells for spec in cell.specs(None))
        self._wanted(specs)
        return specs if seeds is None else _each_once(spec for cell in self._cells for spec in cell.specs(seeds))

    def comparisons(self) -> list[Comparison]:
        """Return what decides how many seeds there are, in the order of the file; raises as `plan`."""
        return list(dict.fromkeys(cell.comparison for cell in self._cells if cell.comparison is not None))

    def wanted_steps(self) -> dict[str, dict[str, StepSettings]]:
        """Return how post-run steps are to be done, by run and step; raises as `plan`."""
        own = self._wanted(self.plan())  # first: it refuses a file that includes itself
        wanted: dict[str, dict[str, StepSettings]] = {}
        for each in (*(self._included(name).wanted_steps() for name in self.include), own):
            for run, steps in each.items():
                wanted[run] = wanted.get(run, {}) | steps
        return wanted

    def plots(self) -> list[Plot]:
        """Return the figures and tables that its user modules, and those of what it includes, make for the page."""
        included = [plot for name in self.include for plot in self._included(name).plots()]
        return [*included, *plots_of(self.modules, self.folder)]

    def _included(self, name: str) -> Benchmark:
        return load_benchmark(name, self._path.parent, trusted=self._trusted)

    def _wanted(self, specs: Sequence[RunSpec]) -> dict[str, dict[str, StepSettings]]:
        """Return what its own file asks of post-run steps; of two items that select a run, the later one holds."""
        wanted: dict[str, dict[str, StepSettings]] = {}
        for step in REQUESTS:
            for number, request in enumerate(getattr(self, step)):
                try:
                    selected = request.selected(specs)
                except UsageError as error:
                    raise UsageError(f"benchmark {self.name}: {step}.{number}: {error}") from error
                for run, settings in selected.items():
                    wanted.setdefault(run, {})[step] = settings
        return wanted

    @cached_property
    def _cells(self) -> list[_Cell]:
        """Its groups and those of what it includes, on each of their environments; raises as `plan`."""
        return self._built(())

    def _built(self, within: tuple[Path, ...]) -> list[_Cell]:
        within = (*within, self._path.resolve())
        parts: list[tuple[str, Callable[[], list[_Cell]]]] = [
            *((f"include: {name}", partial(self._built_from, name, within)) for name in self.include),
            *((f"groups.{number}", partial(_cells_of, group)) for number, group in enumerate(self.groups)),
        ]
        cells: list[_Cell] = []
        labels: dict[str, str] = {}
        for key, build in parts:
            try:
                cells += _labelled_once(build(), labels)
            except UsageError as error:
                raise UsageError(f"benchmark {self.name}: {key}: {error}") from error
        return cells

    def _built_from(self, name: str, within: tuple[Path, ...]) -> list[_Cell]:
        included = self._included(name)
        if included._path.resolve() in within:
            raise UsageError("includes itself")
        return included._built(within)


class _Cell(NamedTuple):
    """A group on one of its environments."""

    entries: dict[str, tuple[RunSpec, ...]]
    """All runs that each label may come to, by seed."""
    comparison: Comparison | None
    """The comparison that decides how many seeds its two entries get."""

    def specs(self, seeds: Mapping[Comparison, int] | None) -> list[RunSpec]:
        """Return its runs, with as many seeds of entries that are compared as are given; by default all."""
        if self.comparison is None or seeds is None:
            return [spec for specs in self.entries.values() for spec in specs]
        count, compared = seeds[self.comparison], self.comparison.entries
        shortened = (specs[:count] if label in compared else specs for label, specs in self.entries.items())
        return [spec for specs in shortened for spec in specs]


def _each_once(specs: Iterable[RunSpec]) -> list[RunSpec]:
    return list({spec.run: spec for spec in specs}.values())


def _labelled_once(cells: list[_Cell], labels: dict[str, str]) -> list[_Cell]:
    """Refuse a run under a second label: it would be missing from the first one's seeds or from its own.

    Parameters
    ----------
    labels : the label of each run of cells before these; those of these are added.
    """
    for spec in (spec for cell in cells for spec in cell.specs(None)):
        known = labels.setdefault(spec.run, spec.label)
        if known != spec.label:
            raise UsageError(
                f"algorithms: {spec.label!r} on {spec.environment} with seed {spec.seed} is the same run as {known!r} "
                "of another group; give both one label, or other seeds"
            )
    return cells


def _cells_of(group: Group) -> list[_Cell]:
    adaptive = group.seeds if isinstance(group.seeds, AdaptiveSeeds) else None
    for label in adaptive.decide if adaptive else ():
        if label not in group.algorithms:
            raise UsageError(f"seeds: decide: {unknown('entry', label, group.algorithms)}")
    for what, listed in (("seeds", [] if adaptive else group.seeds), ("environments", group.environments)):
        repeated = [item for item, count in Counter[object](listed).items() if count > 1]
        if repeated:
            raise UsageError(f"{what}: {repeated[0]} is repeated; each is allowed once")
    for environment in group.environments:
        if environment not in family_names():
            raise UsageError(unknown("environments:", environment, family_names()))
    if group.tune:
        group.tune.check(group.algorithms_by_label, group.environments)
    versions = numeric_versions()
    cells = []
    labels: dict[str, str] = {}
    for environment in group.environments:
        family, protocol = family_spec(environment), _protocol(group, environment)
        options = _options(environment, group.environment_options)
        here: dict[str, tuple[RunSpec, ...]] = {}
        for label, given in group.algorithms.items():
            entry = given or Entry()
            algorithm = entry.algorithm or label
            if algorithm not in ENTRANTS:
                raise UsageError(unknown("algorithms:", algorithm, ENTRANTS))
            if group.stepwise_test and not ENTRANTS[algorithm].adapts_stepwise:
                able = [name for name, declaration in ENTRANTS.items() if declaration.adapts_stepwise]
                raise UsageError(f"stepwise_test: {algorithm} does not adapt step by step; {', '.join(able)} do")
            settings = used_settings(algorithm, environment, entry.settings)
            here[label] = tuple(
                RunSpec(
                    label=label,
                    algorithm=algorithm,
                    algorithm_revision=ENTRANTS[algorithm].revision,
                    settings=settings,
                    environment=environment,
                    environment_revision=family.revision,
                    environment_options=options,
                    seed=seed,
                    budget=group.budget,
                    evaluations=group.evaluations,
                    threads=group.threads,
                    stepwise_test=group.stepwise_test,
                    versions=versions,
                    modules=modules_of(algorithm, environment),
                    **protocol,
                )
                for seed in _seeds(group, label)
            )
        for spec in (spec for specs in here.values() for spec in specs):
            if labels.setdefault(spec.run, spec.label) != spec.label:
                raise UsageError(
                    f"algorithms: {labels[spec.run]!r} and {spec.label!r} are the same; each is allowed once"
                )
        cells.append(_Cell(here, _comparison(environment, adaptive, here) if adaptive else None))
    return cells


def _options(environment: str, given: Mapping[str, str]) -> dict[str, str]:
    """Return the options that are part of a run's identity; those that came later only where they are not usual."""
    allowed = family_options(environment)
    usual = {name: values[0] for name, values in allowed.items()}
    for name, value in given.items():
        if name not in allowed:
            raise UsageError(unknown(f"environment_options: option of {environment}:", name, allowed))
        if value not in allowed[name]:
            raise UsageError(unknown(f"environment_options: {name}:", value, allowed[name]))
    options = {**usual, **given}
    added = added_options(environment)
    return {name: value for name, value in options.items() if name not in added or value != usual[name]}


def _seeds(group: Group, label: str) -> Sequence[int]:
    """Return all seeds that an entry may come to."""
    if isinstance(group.seeds, AdaptiveSeeds):
        return range(group.seeds.most if label in group.seeds.decide else group.seeds.batch)
    return group.seeds


def _comparison(environment: str, adaptive: AdaptiveSeeds, here: Mapping[str, Sequence[RunSpec]]) -> Comparison:
    """Return what decides how many seeds two entries get on an environment."""
    ours, theirs = adaptive.decide
    return Comparison(
        environment=environment,
        entries=(ours, theirs),
        batch=adaptive.batch,
        runs=(tuple(spec.run for spec in here[ours]), tuple(spec.run for spec in here[theirs])),
    )


def _protocol(group: Group, environment: str) -> dict[str, Any]:
    """Return the fields of a run's protocol: what is the environment's own says so, and makes no run another."""
    names = ("horizon", "train_tasks", "test_tasks", "exploration_episodes")
    asked = {name: getattr(group, name) for name in names}
    try:
        own, chosen = family_spec(environment), family_spec(environment, **asked)
    except ValueError as error:
        raise UsageError(str(error)) from error
    others = {name: getattr(chosen, name) for name in names if getattr(chosen, name) != getattr(own, name)}
    return {**others, "exploration_episodes": chosen.exploration_episodes}


def shipped_benchmarks() -> list[str]:
    """Return the names of the benchmarks that come with the suite."""
    return sorted(shipped_files())


def shipped_files() -> dict[str, Path]:
    """Return the files of the benchmarks that come with the suite, by their names."""
    return {path.stem: path for pattern in SHIPPED for path in SUITE.glob(pattern)}


def load_benchmark(name: str, folder: Path = Path(), *, trusted: bool = False) -> Benchmark:
    """Read a shipped benchmark by name, or any benchmark file by path.

    Parameters
    ----------
    folder : what the path is relative to.
    trusted : whether user modules that it names may be executed.

    Raises
    ------
    UsageError
        If there is no such benchmark, or it is not valid: one line says which key, which value, what is allowed; or if
        own code is not trusted, or cannot be taken up.
    """
    path = shipped_files().get(name, folder / name)
    if not path.is_file():
        raise UsageError(unknown("benchmark", name, shipped_benchmarks()) + " or a path to a YAML file")
    benchmark = read_yaml(path, Benchmark, "benchmark file")
    benchmark._path, benchmark._trusted = path, trusted
    load_modules(benchmark.modules, path.parent, f"benchmark file {path}", trusted=trusted)
    return benchmark
