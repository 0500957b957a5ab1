"""The audit: every aggregate that the paper states, recomputed from its own published tables."""

from __future__ import annotations

from decimal import Decimal
from importlib.resources import files
from typing import Literal, TypedDict

import mujoco
import numpy as np

from suite.analysis import comparisons
from suite.papers import paper

AuditVerdict = Literal["holds", "contradicted", "not derivable"]

GROUP_CODES = {"better": 1, "comparable": 0, "worse": -1}


class AuditRow(TypedDict):
    """One claim of the paper and what its own tables say of it."""

    claim: str
    where: str
    published: str
    recomputed: str
    rule: str
    verdict: AuditVerdict
    explanation: str


def audit() -> list[AuditRow]:
    """Recompute every claim; see `tcl_pearl/printed_claims.yaml` for what is printed where."""
    return [
        _table3_wins(),
        _table1_groups(),
        _ml1_relative_gain(),
        _figure5_pairwise(),
        _table9_average_seconds(),
        _hours("a2_hours"),
        _hours("table9_caption_hours"),
        _table7_schedule(),
        _figure_only("controls_relative_gain"),
        _figure_only("controls_better_or_comparable"),
        _figure_only("controls_oracle"),
        _walker_parameters(),
        _momentum(),
        _mql_learning_rate(),
        _table2_clusters(),
    ]


def agrees(printed: str, value: float) -> bool:
    """Tell whether a value rounds to what is printed, at the printed precision."""
    step = Decimal(1).scaleb(int(Decimal(printed).as_tuple().exponent))
    return abs(Decimal(printed) - Decimal(repr(float(value)))) <= step / 2


def _row(key: str, recomputed: str, rule: str, verdict: AuditVerdict, explanation: str) -> AuditRow:
    printed = paper.document("printed_claims")[key]
    return {
        "claim": printed["claim"],
        "where": printed["where"],
        "published": ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in printed["values"].items()),
        "recomputed": recomputed,
        "rule": rule,
        "verdict": verdict,
        "explanation": explanation,
    }


def _printed(key: str) -> dict[str, str]:
    values: dict[str, str] = paper.document("printed_claims")[key]["values"]
    return values


def _table3_wins() -> AuditRow:
    table = paper.table("table3")
    returns = table.to_numpy(float)
    counts = np.array([float(_printed("table3_wins")[name.replace("-", "_")]) for name in table.columns])
    listed = {
        ties: " / ".join(f"{count:g}" for count in comparisons.wins(returns, ties)) for ties in ("nobody", "everybody")
    }
    assignments = comparisons.tie_holders(returns, counts)
    credited = [
        f"{table.index[environment]} to {table.columns[holder]}"
        for assignment in assignments
        for environment, holder in assignment.items()
    ]
    ties = int((returns == returns.max(axis=1, keepdims=True)).sum(axis=1).max())
    return _row(
        "table3_wins",
        f"{listed['nobody']} with ties to nobody, {listed['everybody']} with ties to everybody",
        f"highest return of the environment; tie of {' or '.join(credited)} alone" if credited else "highest return",
        "holds" if assignments else "contradicted",
        f"Holds only if the {ties}-way tie is credited so ({' or '.join(credited)}, nobody else); under the "
        "paper's own definition, better than the rest, a tie is nobody's win."
        if credited
        else "No way to credit the ties gives the printed counts.",
    )


def _table1_groups() -> AuditRow:
    table = paper.table("table1")
    ours, baseline = table["tcl-pearl"].to_numpy(float), table["pearl"].to_numpy(float)
    expected = table["paper-group"].map(GROUP_CODES).to_numpy(np.int64)
    found = comparisons.failure_range(ours, baseline, expected)
    threshold = found[0] if found else 0.0
    codes = comparisons.groups(ours, baseline, threshold)
    counts = {name: int((codes == code).sum()) for name, code in GROUP_CODES.items()}
    printed = _printed("table1_groups")
    holds = found is not None and all(agrees(printed[name], count) for name, count in counts.items())
    return _row(
        "table1_groups",
        f"{counts['better']} / {counts['comparable']} / {counts['worse']}; "
        f"{counts['better'] + counts['comparable']} of {len(table)}",
        "better if higher; else comparable if at least 90 % of the baseline, or if both stay at or below a failure "
        "threshold; else worse",
        "holds" if holds else "contradicted",
        "Every environment lands in its printed group for a failure threshold anywhere in "
        f"[{found[0]:g}, {found[1]:g}) thousand; the paper prints none."
        if found
        else "No failure threshold gives the printed groups.",
    )


def _ml1_relative_gain() -> AuditRow:
    table = paper.table("table1")
    printed = _printed("ml1_relative_gain")
    described, matching = [], []
    for rule in comparisons.GAIN_RULES:
        gains = comparisons.relative_gains(table["tcl-pearl"].to_numpy(float), table["pearl"].to_numpy(float), rule)
        mean, median = float(np.nanmean(gains)), float(np.nanmedian(gains))
        count = int(np.isfinite(gains).sum())
        described.append(f"{mean:.3f} / {median:.3f} ({rule}; {count} environments)")
        if agrees(printed["mean"], mean) and agrees(printed["median"], median):
            matching.append(rule)
    return _row(
        "ml1_relative_gain",
        "; ".join(described),
        "ratio TCL-PEARL / PEARL: " + (" or ".join(matching) or "none found"),
        "holds" if matching else "contradicted",
        "Derivable only under a rule that the paper does not print, which counts an improvement over a negative PEARL "
        "as 0; the plain ratios give far less."
        if matching
        else "No definition tried gives the printed values.",
    )


def _figure5_pairwise() -> AuditRow:
    table = paper.table("table3")
    others = table.drop(columns="tcl-pearl")
    beats_pearl = int((table["tcl-pearl"] > table["pearl"]).sum())
    beats_all = int((table["tcl-pearl"] > others.max(axis=1)).sum())
    printed = _printed("figure5_pairwise")
    holds = agrees(printed["pearl"], beats_pearl) and agrees(printed["all_others"], beats_all)
    return _row(
        "figure5_pairwise",
        f"{beats_pearl} and {beats_all} of {len(table)}",
        "strictly higher return in Table 3",
        "holds" if holds else "contradicted",
        f"Table 3 gives {beats_pearl} environments above PEARL and {beats_all} above all others.",
    )


def _table9_average_seconds() -> AuditRow:
    means = paper.table("table9").mean()
    printed = _printed("table9_average_seconds")
    holds = all(agrees(printed[name.replace("-", "_")], means[name]) for name in means.index)
    return _row(
        "table9_average_seconds",
        ", ".join(f"{name} {means[name]:.2f}" for name in means.index),
        "mean over the environments of Table 9",
        "holds" if holds else "contradicted",
        f"The mean of the {len(paper.table('table9'))} rows; TCL costs {means['tcl-pearl'] / means['pearl']:.3f} times "
        "PEARL's time.",
    )


def _hours(key: str) -> AuditRow:
    hours = paper.table("table9").mean() / 3600
    printed = _printed(key)
    holds = all(agrees(printed[name.replace("-", "_")], hours[name]) for name in hours.index)
    ratio = float(printed["tcl_pearl"]) / float(printed["pearl"])
    explanation = (
        "Agrees with the mean of Table 9's rows."
        if holds
        else f"The table's own rows give other hours; the ratio of the printed ones is {ratio:.3f}, that of the rows "
        f"{hours['tcl-pearl'] / hours['pearl']:.3f}."
    )
    listed = ", ".join(f"{name} {hours[name]:.2f}" for name in hours.index)
    return _row(key, listed, "mean of Table 9 in hours", "holds" if holds else "contradicted", explanation)


def _table7_schedule() -> AuditRow:
    printed = _printed("table7_schedule")
    settings = paper.document("tables6_7_8_hyperparameters")
    pearl, protocol = settings["pearl_meta_world"], settings["meta_world_protocol"]
    warm_up = pearl["warmup_timesteps_per_task"] * protocol["meta_train_tasks"]
    epoch = pearl["training_tasks_sampled_per_epoch"] * (
        pearl["exploration_timesteps_per_meta_training_task"] + pearl["posterior_timesteps_per_meta_training_task"]
    )
    total = warm_up + pearl["epochs"] * epoch
    reached = (protocol["environment_steps"] - warm_up) / epoch
    return _row(
        "table7_schedule",
        f"{total:,} environment steps in {pearl['epochs']} epochs; one million at epoch {reached:.1f}",
        "warm-up for every meta-training task, then tasks per epoch x (exploration + posterior steps) an epoch",
        "holds" if agrees(printed["environment_steps"], total) else "contradicted",
        f"Warm-up of {warm_up:,} steps and {pearl['epochs']} epochs of {epoch:,} add up to {total:,}.",
    )


def _figure_only(key: str) -> AuditRow:
    return _row(
        key,
        "–",
        "needs the returns of Figure 3",
        "not derivable",
        "The returns on MuJoCo Controls are printed only as curves (Figure 3), without numbers.",
    )


def _walker_parameters() -> AuditRow:
    asset = files("gymnasium") / "envs" / "mujoco" / "assets" / "walker2d.xml"
    model = mujoco.MjModel.from_xml_string(asset.read_text())
    randomised = {
        "mass": model.body_mass.size,
        "inertia": model.body_inertia.size,
        "damping": model.dof_damping.size,
        "friction": model.geom_friction.size,
    }
    total = sum(randomised.values())
    return _row(
        "walker_parameters",
        " + ".join(f"{size} {name}" for name, size in randomised.items()) + f" = {total}",
        "entries of the model's arrays that the task family randomises",
        "holds" if agrees(_printed("walker_parameters")["parameters"], total) else "contradicted",
        f"The planar walker has {model.nbody} bodies (world included), {model.nv} degrees of freedom and {model.ngeom} "
        "geoms.",
    )


def _momentum() -> AuditRow:
    printed = float(_printed("momentum")["momentum"])
    cited = float(paper.document("cited_sources")["moco"]["momentum"])
    # Under phi_k <- m phi_k + (1 - m) phi_q the key encoder averages the last 1 / (1 - m) query encoders.
    memory = {name: 1 / (1 - momentum) for name, momentum in (("printed", printed), ("cited", cited))}
    return _row(
        "momentum",
        f"key encoder averages {memory['printed']:.3f} updates as printed, {memory['cited']:.0f} in the method cited, "
        f"{1 / printed:.0f} if {printed:g} weighs the query",
        "memory of the key encoder, 1 / (1 - m) updates",
        "holds" if (printed > 0.5) == (cited > 0.5) else "contradicted",
        "As printed the key encoder is nearly the query encoder of one update ago; the momentum encoder that it cites "
        f"keeps {cited:g} of the key, so {printed:g} can only be the query's weight.",
    )


def _mql_learning_rate() -> AuditRow:
    printed = _printed("mql_learning_rate")["learning_rate"]
    cited = paper.document("cited_sources")["mql_code"]["learning_rate"]
    same = agrees(printed, float(cited))
    return _row(
        "mql_learning_rate",
        f"{cited} in the code base that Table 6 takes its other settings from",
        "the same setting in the code that the paper used",
        "holds" if same else "contradicted",
        "Agrees with the code." if same else f"The printed rate is {float(printed) / float(cited):g} times the code's.",
    )


def _table2_clusters() -> AuditRow:
    table = paper.table("table2")
    within, between = (table.loc[f"average distance {kind}"] for kind in ("to centroid", "between clusters"))
    ratios = between / within
    return _row(
        "table2_clusters",
        "between / within: " + ", ".join(f"{name} {ratios[name]:.2f}" for name in ratios.index),
        "distances in a t-SNE plane, whose scale is arbitrary: only their ratio compares",
        "not derivable",
        "No points, seed or perplexity are published; the ratio of the printed distances still favours "
        f"{ratios.idxmax()}.",
    )
