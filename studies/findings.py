"""Evidence of docs/findings.md: printed lines of commands, and figures of these lines.

python -m studies.findings

Runs each command of `PROOFS` on the published snapshots, keeps the lines that its section speaks of in
`docs/findings/NAME.txt`, and draws `docs/images/findings-NAME.svg` from these lines alone.
"""

from __future__ import annotations

import contextlib
import io
import math
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
LINES = ROOT / "docs" / "findings"
FIGURES = ROOT / "docs" / "images"

PILOT = "suite report --results results/published/pilot --format markdown"
PEERS = "suite report --results results/published/peers --format markdown"
STUDY = "suite report --results results/published/study --format markdown"
MAML = "suite report --results results/published/maml --format markdown"
COMPARED = r"^Scores:|^\| (?!---)"
"""The lines of `suite compare` that are kept: what the columns are, and all rows."""
SCORES = r"^\| environment \| entry \| seeds \| score \|"
"""The head of the table of scores."""
SCORED = r"\| \d+ \| -?[\d.]+ \| \\\[[^|]*\| -?[\d.]+ \| [\d.–]+ \|$"
"""Text that follows an entry in a row of that table."""

GROUP = r"\| (better|comparable|worse) "
"""A group of the TCL-PEARL paper's Table 1, printed and measured."""
CLAIM = r"^\| claim \| (verdict \| published \| ours|at this scale)|"
"""The heads of the tables of claims."""
DIRECTION = "(not at|inconclusive|same|opposite)"
"""Beginning of what stands after a claim that runs off the paper's settings test."""

POINTING = r"^\| claim \| at this scale|"
"""The head of the table of what runs off a paper's settings point to."""
POINTED = "(inconclusive|same|opposite)"
"""Beginning of what stands after a claim there."""

TWO_DECIMALS = r"^\| [\w-]+-v1 (\| -?\d+\.\d\d ){2}\|(?!.* (better|worse|comparable|cpu) \|)"
"""A row of the TCL-PEARL paper's Table 3, printed and measured."""
TIMED = r"\| [a-z0-9-]+ \| \d (\| [\d.]+ ){4}\|"
"""Text that follows an environment in a row of the table of seconds."""
VERDICTS = r"^\| environment \| verdict"
"""The head of the table of verdicts on adaptation."""
VERDICT = r"(adaptation helps|needs no adaptation|pearl (learnt|gains) nothing[^|]*|inconclusive) \| -?[\d.]+ \|"
"""Text that follows an environment in a row of that table."""
ELSEWHERE = r"^\| (?!cheetah-fb|reach-v1)[\w-]+ \| "
"""Beginning of a row of an environment of which `pilot` has no runs."""


NAMED = ("environment", "claim", "entry")
"""The first columns of tables."""
HEADS = tuple(f"| {name} |" for name in NAMED)
"""Beginning of a table's head; one without rows is left out."""


def compared(entry: str, other: str, snapshot: str) -> tuple[str, str]:
    """Return the command that compares two entries of a snapshot, and its lines that are kept."""
    return f"suite compare {shlex.quote(entry)} {shlex.quote(other)} --results results/published/{snapshot}", COMPARED


PROOFS: dict[str, tuple[tuple[str, str], ...]] = {
    "contrast": (
        compared("tcl-pearl", "pearl", "pilot"),
        (
            PILOT,
            rf"^\| environment \| entry A|\| tcl-pearl \| pearl \| \d+ \||{SCORES}|\| (tcl-)?pearl † {SCORED}",
        ),
    ),
    "environments": (
        compared("tcl-pearl", "pearl", "study"),
        (STUDY, rf"^\| environment \| pearl, reported|^\| [\w-]+-v1 \|.*{GROUP}{GROUP}\|$"),
    ),
    "wins": (
        (
            STUDY,
            rf"{POINTING}^\| (at least|final returns|most wins|MQL is)[^|]*\| {POINTED}|^### Ranking|"
            r"^\| entry \| (P\(|against)|^\| [a-z0-9-]+ \| [\d.]+ \| [\d.]+ \| \d+ \| [\d.–]+ \||"
            rf"^\| environment \| (pearl|maml-trpo)( \||, rep)|^\| [\w-]+ \|.* \*\*|{TWO_DECIMALS}|"
            rf"^\| (tcl-pearl|pearl|maml-trpo|rl2-ppo|mql) \| [a-z0-9-]+ \| \d+ \| \d+ \||"
            rf"{SCORES}|^\| [\w-]+ \| mql {SCORED}",
        ),
    ),
    "cost": (
        (
            STUDY,
            rf"{POINTING}^\| TCL costs[^|]*\| {POINTED}|^\| environment \| (tcl-pearl, rep|entry \| runs \| sampling)|"
            rf"^\| [\w-]+ \|.*\| (processor|wall) \||^\| (cheetah-vel|hand-insert-v1) {TIMED}",
        ),
    ),
    "claims": ((STUDY, rf"{CLAIM}^\| (better|relative gain|most wins|PEARL and TCL|TCL costs)[^|]*\| {DIRECTION}"),),
    "contexts": (
        (PILOT, r"latent silhouette, 95|^\| push-v1 \| .* of TCL-PEARL|\| 8 x 20 of 64 \|"),
        (STUDY, rf"latent silhouette, 95|{ELSEWHERE}.*\| 8 x 20 of 64 \|"),
    ),
    "adaptation": (
        (PILOT, rf"{SCORES}|\| (blind-sac|oracle-sac|(tcl-)?pearl †) {SCORED}|{VERDICTS}|\| {VERDICT}"),
        (STUDY, rf"{SCORES}|{VERDICTS}|{ELSEWHERE}((blind-sac|oracle-sac|(tcl-)?pearl) {SCORED}|{VERDICT})"),
    ),
    "hosts": (compared("tcl-rl2-ppo", "rl2-ppo", "pilot"), compared("tcl-mql", "mql", "pilot")),
    "navigation": (
        (
            MAML,
            r"^\d+ claims were tested|^\| claim \| verdict \| published \| ours|"
            r"^\| (after \w+ gradient updates?, MAML|MAML continues|return of MAML)|"
            r"^\| environment \| entry \| adaptations|^\| navigation-2d \| [\w.-]+ \| \d \| \d+ \| -?[\d.]+ \| \\\[",
        ),
    ),
    "curvature": (compared("maml-curvature", "maml", "maml"),),
    "as-garage": tuple(
        compared(f"{ours} as garage", theirs, "peers")
        for ours, theirs in (
            ("pearl", "garage-pearl"),
            ("maml-trpo", "garage-maml-trpo"),
            ("rl2-ppo", "garage-rl2-ppo"),
            ("oracle-sac", "garage-mtsac"),
        )
    ),
    "as-papers": tuple(
        compared(ours, theirs, "peers")
        for ours, theirs in (
            ("pearl", "garage-pearl"),
            ("maml-trpo", "garage-maml-trpo"),
            ("rl2-ppo", "garage-rl2-ppo"),
            ("oracle-sac", "garage-mtsac"),
        )
    ),
    "drift": ((PEERS, rf"{SCORES}|^\| cheetah-vel \| (garage-mtsac|oracle-sac|pearl) \| \d \| -?\d+ \| \\\["),),
}
"""Section -> its commands, each with a pattern of the lines that are kept."""


@cache
def printed(command: str) -> str:
    """Return what a command prints."""
    from suite.cli import app

    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
        app(shlex.split(command)[1:])
    return output.getvalue()


def proof(name: str, run: Callable[[str], str] = printed) -> str:
    """Return the lines that a section speaks of, each command before its own."""
    parts = []
    for command, kept in PROOFS[name]:
        found = [line for line in run(command).splitlines() if re.search(kept, line)]
        pairs = zip(found, [*found[1:], HEADS[0]], strict=True)
        lines = [line for line, after in pairs if not (line.startswith(HEADS) and after.startswith((*HEADS, "#")))]
        parts.append("\n".join([f"$ {command}", *lines]) + "\n")
    return "\n".join(parts)


class Row(NamedTuple):
    """An estimate with its interval; what could have been seen beside it, and what else is known of it."""

    name: str
    value: float
    low: float
    high: float
    mark: float | None = None
    """A reference: the difference that could have been seen, an untrained or a published value."""


def tables(text: str) -> Iterator[list[dict[str, str]]]:
    """Yield the rows of each table of printed lines, by column."""
    rows: list[dict[str, str]] = []
    width, header = 0, []
    for line in text.splitlines():
        cells = [cell.strip().replace("\\", "") for cell in line.strip("| ").split(" | ")] if line[:1] == "|" else []
        if not cells or len(cells) != width or cells[0] in NAMED:
            if rows:
                yield rows
            rows, width, header = [], len(cells), cells
        else:
            rows.append(dict(zip(header, cells, strict=True)))
    if rows:
        yield rows


def number(cell: str) -> float:
    """Return the number of a cell; what is not known is not a number."""
    cell = cell.replace("∞", "inf").replace(",", "")
    return float(cell) if re.fullmatch(r"-?([\d.]+|inf)", cell) else float("nan")


def interval(cell: str) -> tuple[float, float]:
    """Return the ends of an interval such as `[0.5, 1]`, or of the one in a sentence."""
    found = re.search(r"\[(\S+), (\S+)\]", cell)
    return (number(found[1]), number(found[2])) if found else (float("nan"), float("nan"))


Panels = dict[str, list[Row]]
"""Title -> estimates that share an axis."""


def differences(text: str) -> Panels:
    """Return the differences of compared entries, by environment."""
    panels: Panels = {}
    for table in tables(text):
        if "difference" not in table[0]:
            continue
        columns = list(table[0])
        ours, theirs = (
            next(key for key in columns if key.endswith(f"({side})") and "CI" not in key and key[:2] != "n ")
            for side in "AB"
        )
        name = f"{ours.removesuffix(' (A)')} less\n{theirs.removesuffix(' (B)')}"
        for row in table:
            if row["environment"].startswith("all "):
                continue
            ends = interval(row[next(key for key in columns if key.startswith("95 % CI (difference"))])
            seen = number(row["could have been seen"])
            title = row["environment"].removesuffix(" †")
            panels.setdefault(title, []).append(Row(name, number(row["difference"]), *ends, seen))
    return panels


def chances(text: str) -> Panels:
    """Return the probabilities that a run of the first of two compared entries beats one of the second."""
    table = next(table for table in tables(text) if "P(improvement)" in table[0])
    rows = [Row(row["environment"], number(row["P(improvement)"]), *interval(row["95 % CI (P)"])) for row in table]
    return {"": sorted(rows, key=lambda row: (row.name.startswith("all "), row.name.endswith("-v1")))}


def pairs(text: str) -> Panels:
    """Return the probabilities that a run of one entry beats one of another, by entry."""
    panels: Panels = {}
    for row in (row for table in tables(text) if "against" in table[0] for row in table):
        line = Row(row["against"], number(row["P(improvement)"]), *interval(row["95 % CI"]))
        panels.setdefault(row["entry"], []).append(line)
    return panels


def by_kind(panels: Panels) -> Panels:
    """Order panels by kind of environment: MuJoCo Controls, then ML1."""
    return dict(sorted(panels.items(), key=lambda panel: (panel[0].endswith("-v1"), panel[0])))


def silhouettes(text: str) -> Panels:
    """Return how well contexts distinguish tasks, by environment."""
    panels: Panels = {}
    for row in (row for table in tables(text) if "latent silhouette" in table[0] for row in table):
        value = number(row["latent silhouette"])
        if value == value:
            ends = interval(row["latent silhouette, 95 % CI"])
            panels.setdefault(row["environment"], []).append(Row(row["entry"].removesuffix(" †"), value, *ends, 0.0))
    return panels


def scores(text: str) -> Panels:
    """Return scores beside untrained ones, by environment."""
    panels: Panels = {}
    for row in (row for table in tables(text) if "score" in table[0] for row in table):
        line = Row(
            row["entry"].removesuffix(" †"), number(row["score"]), *interval(row["95 % CI"]), number(row["untrained"])
        )
        panels.setdefault(row["environment"], []).append(line)
    return panels


def ratios(text: str) -> Panels:
    """Return the ratios that claims are of, with those that the paper prints."""
    rows = [row for table in tables(text) for row in table]
    published = {row["claim"]: number(row["published"]) for row in rows if "published" in row}
    return {
        "ratio of TCL-PEARL to PEARL": [
            Row(
                row["claim"].removesuffix(" †"),
                number(found[1]),
                *interval(row["tested quantity"]),
                published[row["claim"]],
            )
            for row in rows
            if "at this scale" in row
            and (found := re.match(r"(?:mean ratio|ratio of means): ([\d.]+), 95 % CI", row["tested quantity"]))
        ]
    }


def forest(panels: Panels, mark: str, across: str) -> Any:
    """Draw estimates with intervals, a panel a title.

    Parameters
    ----------
    mark : what the mark of a row is: `seen` (shaded on both sides of zero), `untrained`, `published`, or none: `chance`
        of probabilities, `none` of others.
    across : what the axis shows.
    """
    import matplotlib.pyplot as plt

    most = max(len(rows) for rows in panels.values())
    across_page = min(len(panels), MOST_ACROSS)
    down = -(-len(panels) // across_page)
    figure, axes = plt.subplots(
        down,
        across_page,
        figsize=(9.0, (0.8 + 0.42 * most) * down + 0.4),
        squeeze=False,
        sharex=mark in ("none", "chance"),
        layout="constrained",
    )
    names = [row.name for row in next(iter(panels.values()))]
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    for axis, (title, rows) in zip(axes.flat, panels.items(), strict=False):
        furthest = max(end for row in rows for end in (row.high, row.mark or row.value) if math.isfinite(end))
        for height, row in enumerate(reversed(rows)):
            if mark == "seen" and row.mark is not None:
                axis.fill_betweenx([height - 0.4, height + 0.4], -row.mark, row.mark, color="#e4e4e0", linewidth=0)
            if mark in MARKS:
                axis.plot(row.mark, height, marker="D", color=MARKS[mark], markersize=6, linestyle="")
            axis.plot(
                [row.low, row.high if row.high < math.inf else 1.05 * furthest],
                [height, height],
                color="#222222",
                linewidth=1.8,
            )
            axis.plot(row.value, height, marker="o", color="#c4400a", markersize=7, linestyle="")
        if mark != "untrained":
            axis.axvline({"published": 1.0, "chance": 0.5}.get(mark, 0.0), color="#222222", linewidth=0.8)
        axis.set_yticks(range(len(rows)), [row.name for row in reversed(rows)])
        if axis not in axes[:, 0] and [row.name for row in rows] == names:
            axis.set_yticklabels([])
        axis.set_ylim(-0.7, len(rows) - 0.3)
        axis.set_title(title, fontsize=10, loc="left")
        axis.tick_params(labelsize=9, labelbottom=True)
        axis.spines[["top", "right"]].set_visible(False)
    figure.supxlabel(across, fontsize=9)
    return figure


MOST_ACROSS = 4
"""Panels beside each other."""
MARKS = {"untrained": "#8a8a86", "published": "#0063a6"}
"""Colours of marks that are drawn as diamonds."""
LINES_OF = {
    "maml": "#c4400a",
    "maml-0.1": "#7b3294",
    "maml-curvature": "#1b7f5c",
    "pretrained": "#0063a6",
    "random": "#6b6b68",
    "oracle": "#8a6500",
}
"""Colours of the entries of MAML's experiment."""


def steps(text: str) -> Any:
    """Draw returns after each gradient step, ours with intervals and the authors' log of the entries that it has."""
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(9.0, 3.6), layout="constrained")
    for index, (entry, colour) in enumerate(LINES_OF.items()):
        rows = [row for table in tables(text) for row in table if row.get("entry") == entry]
        at = [int(row["adaptations"]) + 0.03 * (index - (len(LINES_OF) - 1) / 2) for row in rows]
        values = [number(row["return"]) for row in rows]
        for where, row in zip(at, rows, strict=True):
            axis.plot([where, where], interval(row["95 % CI"]), color=colour, linewidth=1.5)
        axis.plot(at, values, color=colour, marker="o", markersize=6, linewidth=1.2, label=f"{entry}, ours")
        logged = [(where, row["paper's log"]) for where, row in zip(at, rows, strict=True) if row["paper's log"] != "–"]
        if not logged:
            continue
        axis.plot(
            [where for where, _ in logged],
            [number(text) for _, text in logged],
            color=colour,
            marker="D",
            markerfacecolor="white",
            linestyle=":",
            label=f"{entry}, the authors' log",
        )
    axis.set_ylim(-100.0, 5.0)
    axis.set_xticks(range(5))
    axis.set_xlabel("gradient steps on a new task", fontsize=9)
    axis.set_ylabel("return", fontsize=9)
    axis.tick_params(labelsize=9)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(fontsize=8, frameon=False, ncols=2, loc="lower right")
    return figure


DIFFERENCE = "difference of scores, with 95 % interval; grey: what would have been missed in more than 20 % of studies"
FIGURE: dict[str, Callable[[str], Any]] = {
    "contrast": lambda text: forest(differences(text), "seen", DIFFERENCE),
    "environments": lambda text: forest(chances(text), "chance", "probability that a run with TCL beats one without"),
    "wins": lambda text: forest(pairs(text), "chance", "probability that a run beats one of the entry beside it"),
    "claims": lambda text: forest(
        ratios(text), "published", "ratio, with 95 % interval; diamond: as the paper prints it"
    ),
    "contexts": lambda text: forest(
        silhouettes(text), "none", "silhouette of contexts, with 95 % interval; 1: distinct"
    ),
    "adaptation": lambda text: forest(
        by_kind(scores(text)), "untrained", "score, with 95 % interval; diamond: before training"
    ),
    "hosts": lambda text: forest(differences(text), "seen", DIFFERENCE),
    "navigation": steps,
    "curvature": lambda text: forest(differences(text), "seen", DIFFERENCE),
    "as-garage": lambda text: forest(differences(text), "seen", DIFFERENCE),
    "as-papers": lambda text: forest(differences(text), "seen", DIFFERENCE),
}
"""Section -> its figure of the lines that are kept."""


def drawn(name: str, text: str) -> str:
    """Return the figure of a section as SVG; the same lines give the same text."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    mpl.use("Agg")
    with mpl.rc_context({"svg.hashsalt": "suite", "svg.fonttype": "path"}):
        figure = FIGURE[name](text)
        output = io.StringIO()
        figure.savefig(output, format="svg", metadata={"Date": None})
        plt.close(figure)
    return "\n".join(line.rstrip() for line in output.getvalue().splitlines()) + "\n"


def main(names: Sequence[str] = ()) -> None:
    """Write the lines and the figures."""
    for name in names or PROOFS:
        text = proof(name)
        (LINES / f"{name}.txt").write_text(text)
        print(LINES / f"{name}.txt")
        if name in FIGURE:
            path = FIGURES / f"findings-{name}.svg"
            path.write_text(drawn(name, text))
            print(path)


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
