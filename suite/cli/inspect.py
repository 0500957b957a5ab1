"""Commands that inspect trained agents: `watch`, `clusters`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from suite.cli.app import app
from suite.cli.help import LOOK
from suite.cli.inputs import device, existing, reported
from suite.cli.options import Json, Reports, Results, Trust, at_home, runs_begun
from suite.cli.output import err, out, show_tables
from suite.console.waiting import busy, counting
from suite.errors import UsageError, first_error
from suite.store.layout import FINAL_STATE

if TYPE_CHECKING:
    from suite.store.runs import Store
    from suite.training.trainer import Trainer


@app.command(
    rich_help_panel=LOOK,
    epilog="Examples: suite watch · suite watch RUN --task 3 --out clip.gif · suite watch --all quick",
)
def watch(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]",
            help="Name of a finished run, or a unique beginning of it; by default the run that finished last. With "
            "--all: a benchmark; by default all runs in the store.",
            autocompletion=runs_begun,
        ),
    ] = None,
    every: Annotated[
        bool,
        typer.Option("--all", help="Record the first seed of every entry on every environment, for the report."),
    ] = False,
    task: Annotated[int, typer.Option(metavar="K", help="Index of the test task.")] = 0,
    results: Results = Path("results"),
    reports: Reports = Path("reports"),
    file: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            callback=at_home,
            help="MP4, GIF or WebP; by default clips/RUN-taskK.mp4 in the folder of the reports, which show it.",
            show_default=False,
        ),
    ] = None,
    trust: Trust = False,
) -> None:
    """Record a video of a trained agent on a test task, after it has adapted."""
    from suite.inspect.clips import check_place
    from suite.inspect.trained import trained
    from suite.report.clips import clip_path
    from suite.store.runs import Store

    if every and file:
        raise UsageError("--all and --out: give one of them")
    if every:
        _record_all(run, task, existing(results, snapshots=False), reports, trust)
        return
    store = Store(results)
    run = _newest(store) if run is None else store.named(run)
    path = file or clip_path(reports, run, task)
    trainer = trained(store.record(run), device(), trusted=trust)
    check_place(path)
    _record(trainer, task, path, poster=not file)


def _record_all(benchmark: str | None, task: int, store: Store, reports: Path, trust: bool) -> None:
    """Record what has no clip yet; say of what none can be made, and why."""
    from suite.analysis.results import read_results
    from suite.inspect.clips import check_place
    from suite.inspect.trained import trained
    from suite.report.clips import clip_path

    with busy(err, "reading runs"):
        done = read_results(store, reported(benchmark, store, trust).specs).done
    kept = [folder.run for folder in store.folders() if folder.has(FINAL_STATE[1])]
    first = done[done["run"].isin(kept)].sort_values("seed").drop_duplicates(["environment", "entry"])
    if first.empty:
        raise _no_agent(store, benchmark)
    rows = [
        (row, clip_path(reports, row["run"], task))
        for row in first.sort_values(["environment", "entry"]).to_dict("records")
    ]
    check_place(rows[0][1])
    there = 0
    for row, path in rows:
        try:
            if not path.exists():
                _record(trained(store.record(row["run"]), device(), trusted=trust), task, path, poster=True)
            there += 1
        except UsageError as error:
            err.print(f"{row['entry']} on {row['environment']}: no clip: {error}", highlight=False)
    if not there:
        raise UsageError("--all: no clip could be made")
    err.print(f"{there} of {len(first)} clips are in {rows[0][1].parent}; to see them: suite report", highlight=False)


def _record(trainer: Trainer, task: int, path: Path, *, poster: bool) -> None:
    from suite.inspect import clips
    from suite.report.clips import poster_path

    with counting(err, f"{trainer.spec.run}, task {task}: environment steps", clips.steps(trainer)) as tick:
        episodes, pictures = clips.film(trainer, task, tick)
    if poster:
        clips.write_poster(poster_path(path), pictures[-1])
    clips.write_clip(path, pictures)
    success = (
        ("no success", "success")[int(episodes.success[0])] if trainer.family.spec.success else "no success defined"
    )
    out.print(f"clip: {path}", highlight=False)
    err.print(f"return {episodes.rewards.sum():.6g}, {success}, {len(pictures) - 1} steps", highlight=False)


def _newest(store: Store) -> str:
    """Return the run of a store that was finished last, of those that keep an agent."""
    done = [folder for folder in store.folders() if folder.has("done.json") and folder.has(FINAL_STATE[1])]
    if not done:
        raise _no_agent(store)
    return max(done, key=lambda folder: (folder.committed or 0, folder.run)).run


def _no_agent(store: Store, benchmark: str | None = None) -> UsageError:
    """Make the error of a store, or of a benchmark's part of it, that has no agent to film."""
    of = f" of {benchmark}" if benchmark else ""
    hint = f"to make some: suite run {benchmark or 'quick'}"
    return UsageError(f"{store.results}: holds no finished run{of} that keeps an agent; {hint}")


@app.command(
    rich_help_panel=LOOK,
    epilog="Examples: suite clusters RUN · suite clusters RUN RUN --rollouts 50 --seed 1 · suite clusters RUN --json",
)
def clusters(
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN...", help="Names of finished runs, or unique beginnings of them.")
    ],
    results: Results = Path("results"),
    reports: Reports = Path("reports"),
    tasks: Annotated[int, typer.Option(min=2, help="Number of tasks.")] = 8,
    rollouts: Annotated[int, typer.Option(min=2, help="Rollouts per task.")] = 200,
    window: Annotated[int, typer.Option(min=1, help="Transitions per rollout that are encoded.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="Seed of rollouts, windows and t-SNE.")] = 0,
    perplexity: Annotated[float, typer.Option(min=1, help="Perplexity of t-SNE.")] = 30.0,
    as_json: Json = False,
    trust: Trust = False,
) -> None:
    """Measure and plot how well trained context encoders separate tasks."""
    from pydantic import ValidationError

    from suite.inspect.post_run import CLUSTERS, do_and_keep
    from suite.inspect.trained import trained
    from suite.papers.paper import read_papers
    from suite.plan.embeddings import ClusterSettings, check_embeddable
    from suite.report.cluster_page import table, write_clusters
    from suite.store.runs import Store

    try:
        settings = ClusterSettings(tasks=tasks, rollouts=rollouts, window=window, seed=seed, perplexity=perplexity)
    except ValidationError as error:
        raise UsageError(f"--{first_error(error)}") from error
    store = Store(results)
    runs = list(map(store.named, runs))
    trainers = [trained(store.record(run), device(), trusted=trust) for run in runs]
    for trainer in trainers:
        check_embeddable(trainer.spec, settings)
    records = []
    for run, trainer in zip(runs, trainers, strict=True):
        folder = store.folder(run)
        with folder.taken(), counting(err, f"{run}: rounds of rollouts", rollouts) as tick:
            records.append(do_and_keep(CLUSTERS, folder, trainer, settings, lambda *_: tick()))
    papers = read_papers()
    page = write_clusters(reports, records, papers)
    plain = {"runs": [record.without_points() for record in records]}
    show_tables(as_json, plain, [table(records, papers)], f"page: {page}")
