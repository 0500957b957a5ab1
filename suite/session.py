"""A benchmark from plan to page: execute, interim analyses, further seeds, report; what `suite run` does."""

from __future__ import annotations

import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.console import Console

from suite.analysis.sequential import planned
from suite.errors import UsageError, unknown
from suite.execute.batch import Batch
from suite.execute.executor import Engine, Request
from suite.execute.patience import Patience
from suite.execute.registry import DEFAULT, make_executor
from suite.failures import Failure
from suite.plan.benchmark import Benchmark, load_benchmark
from suite.plan.selection import selected
from suite.report.files import PAGE, write_page
from suite.report.live import LivePage
from suite.spec import RunSpec
from suite.store.published import located
from suite.store.runs import Store, by_prefix

if TYPE_CHECKING:
    import pandas as pd


class Interrupted(KeyboardInterrupt):
    """Execution was stopped; running runs have saved checkpoints, and the message says how to resume."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of a benchmark."""

    runs: tuple[RunSpec, ...]
    """All runs of the benchmark, including seeds that were added."""
    failures: dict[str, Failure]
    """The failures of runs in this call, by run."""
    is_complete: bool
    """True if every run that was asked for is done."""
    analyses: tuple[str, ...]
    """The last interim analysis of each comparison; empty for a benchmark without adaptive seeds."""
    store: Store
    report: Path | None
    """The path of the report; None if none was asked for."""

    def scores(self) -> pd.DataFrame:
        """Return the finished runs as a table: one row per run, with `entry`, `environment`, `seed` and `score`."""
        from suite.analysis.results import read_results

        return read_results(self.store, self.runs).done


@dataclass(frozen=True)
class Selection:
    """A selection of a benchmark's runs."""

    only: Sequence[str] = ()
    """Conditions such as `algorithm=pearl,mql`; a run must meet all of them."""
    seeds: str | None = None
    """Seeds such as `0-4`, instead of the benchmark's."""
    rerun: Sequence[str] = ()
    """Runs to repeat: their results are discarded, and only they are executed."""
    only_failed: bool = False
    """Execute only the failed runs."""

    def rerun_of(self, specs: Sequence[RunSpec]) -> list[str]:
        """Return the runs of a plan that are to be forgotten, by their names or how no others begin."""
        return [by_prefix(name, (spec.run for spec in specs)) for name in self.rerun]


QUIET = Console(quiet=True, force_terminal=False)
ALL = Selection()
DEFAULTS = Request()


def run(
    benchmark: str | Path | Benchmark,
    *,
    results: str | Path = "results",
    reports: str | Path | None = "reports",
    executor: str = DEFAULT,
    selection: Selection = ALL,
    request: Request = DEFAULTS,
    trust: bool = False,
    console: Console | None = None,
) -> Outcome:
    """Run a benchmark, except for runs that are already done, and write the report.

    Interrupted runs resume from their newest checkpoints. In the main thread, SIGINT (Ctrl-C) and SIGTERM stop the
    runs, each with a checkpoint.

    Parameters
    ----------
    benchmark : name of a shipped benchmark, path of a YAML file, or a `Benchmark`.
    results, reports : folders of the store and of the report; with `reports=None`, no report is written.
    executor : name of an executor, one of `suite.execute.registry.EXECUTORS`.
    selection : the runs of the benchmark to execute; by default all.
    request : workers, limits, retries and other options of the executor; its runs, threads, name and modules are
        filled in here.
    trust : whether the user modules that the benchmark names may be executed.
    console : shows progress; by default nothing is printed.

    Raises
    ------
    UsageError
        If the benchmark or an argument is not valid; the message is one line.
    Interrupted
        If it was stopped.
    """
    if selection.rerun and selection.only_failed:
        raise UsageError("--rerun and --only-failed: give one of them")
    definition = _definition(benchmark, trust)
    store, console, request = Store(Path(results)), console or QUIET, request._replace(name=definition.name)
    make_executor(executor, store, request)  # refuses what it does not take
    specs, _ = _planned(definition, store, selection)
    store.prepare()
    if reports is not None:
        _prepare_reports(Path(reports))
    rerun = selection.rerun_of(specs)
    store.forget(rerun, specs)
    steps = {
        name: {step: settings.model_dump(mode="json") for step, settings in each.items()}
        for name, each in definition.wanted_steps().items()
    }
    failures: dict[str, Failure] = {}
    executed: set[str] = set()
    there = Patience(store.results, console.print)
    is_complete, only = True, rerun
    with _live_page(reports, lambda: _page(definition, store, specs, reports), console) as live:
        while True:  # once, but for further seeds of comparisons that are not decided
            batch = Batch(store, specs, rerun=only, only_failed=selection.only_failed)
            there.insist(partial(batch.announce, steps))
            failures |= execute(batch, executor, request, console, live)
            is_complete = there.insist(batch.is_done) and is_complete
            executed |= {spec.run for spec in specs}
            specs, analyses = there.insist(lambda: _planned(definition, store, selection))
            for text in analyses:
                console.print(text, highlight=False)
            only = [spec.run for spec in specs if spec.run not in executed]
            if selection.rerun or selection.only_failed or not only:
                break
    page = None
    if reports is not None:
        page = _place(reports)
        write_page(page, there.insist(lambda: _page(definition, store, specs, reports)))
    return Outcome(tuple(specs), failures, is_complete, tuple(analyses), store, page)


def results(
    store: str | Path = "results",
    benchmark: str | Path | Benchmark | None = None,
    *,
    table: Literal["scores", "curves", "metrics", "training"] = "scores",
    trust: bool = False,
) -> pd.DataFrame:
    """Read the results of runs as a tidy table: one observation per row, one kind of value per column.

    Parameters
    ----------
    store : folder of a store or a snapshot, or the name of a published snapshot.
    benchmark : read only the runs of this benchmark; by default all runs in the store.
    table : `scores`, one row per run in any state; `curves`, one row per evaluation of a finished run; `metrics`, one
        row per evaluation and declared metric; `training`, one row per evaluation and logged training metric. The
        columns are those of `suite export`.
    trust : whether the user modules that the benchmark names may be executed.

    Raises
    ------
    UsageError
        If there is no such store, benchmark or table.
    """
    from suite.analysis.metrics import METRIC_COLUMNS
    from suite.analysis.results import CURVE_COLUMNS, RUN_COLUMNS, read_results
    from suite.analysis.training_metrics import training_metrics

    folder = located(Path(store))
    if not folder.is_dir():
        raise UsageError(f"{store}: there is no such folder")
    found = Store(folder)
    specs = None if benchmark is None else _planned(_definition(benchmark, trust), found, ALL)[0]
    read = read_results(found, specs)
    if table == "scores":
        return read.runs[list(RUN_COLUMNS)]
    if table == "curves":
        return read.curves[list(CURVE_COLUMNS)]
    if table == "metrics":
        return read.metrics[list(METRIC_COLUMNS)]
    if table == "training":
        return training_metrics(found, read)
    raise UsageError(unknown("table", table, ("scores", "curves", "metrics", "training")))


def preview(
    benchmark: str | Path | Benchmark,
    *,
    results: str | Path = "results",
    executor: str = DEFAULT,
    selection: Selection = ALL,
    request: Request = DEFAULTS,
    trust: bool = False,
) -> str:
    """Return what an executor would submit; nothing is written or contacted. Raises as `run`."""
    definition, store = _definition(benchmark, trust), Store(Path(results))
    specs, _ = _planned(definition, store, selection)
    rerun = selection.rerun_of(specs)
    batch = Batch(store, specs, rerun=rerun, only_failed=selection.only_failed)
    return make_executor(executor, store, _for_batch(request._replace(name=definition.name), batch)).preview()


def execute(
    batch: Batch, executor: str, request: Request, console: Console, live: LivePage | None = None
) -> dict[str, Failure]:
    """Have a batch executed while showing how far its plan is; return why runs failed.

    Parameters
    ----------
    live : a page that is written again as runs end.

    Raises
    ------
    UsageError
        If the executor cannot be used.
    Interrupted
        If it was stopped.
    """
    from suite.console.progress import Progress
    from suite.console.time_left import TimeLeft
    from suite.execute.forecast import Speeds, forecast
    from suite.plan.identity import drift

    store = batch.store
    console.print(f"{request.name}: {batch.described}")
    for warning in drift(batch.specs, store):
        console.print(warning, highlight=False)
    chosen = make_executor(executor, store, _for_batch(request, batch))
    with chosen.open() as engine:
        console.print(f"{engine.describe()}, {executor} executor")
        # What was to be executed again has been forgotten by now, and is pending as others are.
        batch.start_over()
        speeds = Speeds(store)
        where = "on machines as fast as this one" if chosen.elsewhere() else "on this machine"
        if batch.missing:
            console.print(forecast(batch.missing, speeds, engine.workers).text(where, engine.workers), highlight=False)
        left = TimeLeft({spec.run: speeds.estimate(spec).seconds for spec in batch.missing}, engine.workers)
        try:
            with _interrupting(engine), Progress(store, batch.specs, console, left) as progress:

                def watch() -> None:
                    progress.tick(engine.underway)
                    if live:
                        live.tick((len(batch.specs), progress.ended))

                engine.run(speeds.longest_first(batch.unfinished), watch)
        except KeyboardInterrupt:
            raise Interrupted(engine.detach_message()) from None
    for name, failure in engine.failures.items():
        console.print(f"failed: {name}: {failure.kind}: {failure.reason}")
        console.print(store.record(name).log_tail(), highlight=False, style="dim")
    for spec in batch.unfinished:
        record = store.record(spec.run)
        for step in record.lacking:
            if reason := record.step_failure(step):
                console.print(f"finished, but without {step}: {spec.run}: {reason}", highlight=False)
    return engine.failures


def _page(definition: Benchmark, store: Store, specs: Sequence[RunSpec], reports: str | Path | None) -> str:
    from suite.papers.paper import judged_papers
    from suite.report import page_of
    from suite.report.clips import find_clips

    return page_of(
        store,
        specs,
        definition.name,
        judged_papers(definition.papers),
        definition.comparisons(),
        definition.plots(),
        definition.description,
        definition.compare,
        {} if reports is None else find_clips(Path(reports)),
    )


def _place(reports: str | Path) -> Path:
    return Path(reports) / PAGE


def _live_page(
    reports: str | Path | None, make: Callable[[], str], console: Console
) -> AbstractContextManager[LivePage | None]:
    if reports is None:
        return nullcontext()
    return LivePage(_place(reports), make, lambda text: console.print(text, highlight=False))


def _definition(benchmark: str | Path | Benchmark, trust: bool) -> Benchmark:
    return benchmark if isinstance(benchmark, Benchmark) else load_benchmark(str(benchmark), trusted=trust)


def _planned(definition: Benchmark, store: Store, selection: Selection) -> tuple[list[RunSpec], list[str]]:
    """Return the runs that are meant, as finished ones ask for them, and what interim analyses say."""
    wanted, analyses = planned(definition, store)
    return selected(wanted, selection.only, selection.seeds), [each.text for each in analyses]


def _prepare_reports(reports: Path) -> None:
    """See that the page can be written, before anything runs for hours.

    Raises
    ------
    UsageError
        If not.
    """
    try:
        reports.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=reports):
            pass
    except OSError as error:
        raise UsageError(f"--reports {reports}: cannot be written ({error.strerror})") from error


def _for_batch(request: Request, batch: Batch) -> Request:
    modules = {module for spec in batch.unfinished for module in spec.modules}
    return request._replace(runs=len(batch.unfinished), threads=batch.threads, modules=tuple(sorted(modules)))


@contextmanager
def _interrupting(engine: Engine) -> Iterator[None]:
    """Let SIGINT (Ctrl-C) and SIGTERM stop an engine in good order; other threads than the main one get no signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, lambda *_: engine.interrupt()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
