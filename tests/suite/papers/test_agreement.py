"""Statements that a folder makes twice: where they differ, it is refused with both places."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from suite.errors import UsageError
from suite.papers import folder, paper
from suite.papers.paper import read_paper
from tests.suite.papers import made


@pytest.fixture
def altered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a shipped paper that a test may change; algorithms are not asked what they allow."""
    monkeypatch.setattr(paper, "_check_settings", lambda *_: None)
    return Path(shutil.copytree(folder.SHIPPED / "tcl_pearl", tmp_path / "paper"))


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            "audit.yaml",
            'published: {learning rate: "0.008"}',
            'published: {learning rate: "0.0008"}',
            r"audit\.yaml: mql_learning_rate: cells: learning rate: published 0\.0008, but Table 6 "
            r"\(adam_learning_rate, value\) has 0\.008",
        ),
        (
            "tables/table2_tsne_clusters.csv",
            "38.8",
            "83.8",
            r"audit\.yaml: table2_clusters: cells: pearl: published 38\.8 / 44\.86, but Table 2 \(average distance to "
            r"centroid, pearl\) and Table 2 .* has 83\.8 / 44\.86",
        ),
        (
            "audit.yaml",
            'published: {momentum: "0.005"}',
            'published: {momentum: "0.05"}',
            r"audit\.yaml: momentum: settings: momentum: published 0\.05, but momentum of tcl-pearl on "
            r"cheetah-vel is 0\.005",
        ),
        (
            "settings.yaml",
            '"appendix C.1, for the MuJoCo Controls": {momentum: 0.005}',
            '"appendix C.1, for the MuJoCo Controls": {momentum: 0.05}',
            r"audit\.yaml: momentum: settings: momentum: published 0\.005, but momentum of tcl-pearl on "
            r"push-v1 is 0\.05",
        ),
        (
            "paper.yaml",
            "budget: 1000000",
            "budget: 2000000",
            r"audit\.yaml: table7_schedule: settings: environment steps: published 1000000, but budget of pearl on "
            r"push-v1 is 2000000",
        ),
        (
            "claims.yaml",
            'published: "0.70"',
            'published: "0.72"',
            r"claims\.yaml: ml1_better: published: 0\.72, but Table 1 gives 0\.7; a claim that does not follow "
            r"from a table names none",
        ),
        (
            "claims.yaml",
            'published: "1.305"',
            "published: a third more",
            r"claims\.yaml: table9_seconds: published: a third more, but Table 9 gives 1\.305",
        ),
        (
            "claims.yaml",
            "failure: 2.53",
            "failure: 2.54",
            r"claims\.yaml: ml1_better_or_comparable: failure: 2\.54, but paper\.yaml has 2\.53 for Table 1",
        ),
        (
            "claims.yaml",
            'published: "0.83"',
            'published: "0.67"',
            r"claims\.yaml: controls_better_or_comparable: audited: published 0\.67, but audit\.yaml has 5 in "
            r"controls_better_or_comparable, environments",
        ),
        (
            "claims.yaml",
            'published: "1.14"',
            'published: "1.41"',
            r"claims\.yaml: controls_gain_median: audited: published 1\.41, but audit\.yaml has 1\.14",
        ),
        (
            "claims.yaml",
            "audited: [controls_oracle, environments]",
            "audited: [controls_oracle, rooms]",
            r"claims\.yaml: controls_oracle: audited: published number 'rooms' is unknown; .*environments",
        ),
        (
            "claims.yaml",
            "audited: [controls_oracle, environments]",
            "audited: [oracle, environments]",
            r"claims\.yaml: controls_oracle: audited: check 'oracle' is unknown",
        ),
        (
            "claims.yaml",
            "side: above",
            "side: below",
            r"claims\.yaml: ml1_better_or_comparable: side: below 0\.5, but 0\.88 is published",
        ),
        (
            "claims.yaml",
            "statistic: share better",
            "statistic: single runs",
            r"claims\.yaml: ml1_better: table: table1: tables print means, which this statistic is not made of",
        ),
        (
            "audit.yaml",
            "ours: tcl-pearl\n  baseline: pearl\n  group",
            "ours: pearl\n  baseline: tcl-pearl\n  group",
            r"audit\.yaml: table1_groups: ours: pearl, but paper\.yaml has tcl-pearl for table1",
        ),
        (
            "paper.yaml",
            "title: Table 3",
            "title: Table 1",
            r"paper\.yaml: tables\.table3: title: 'Table 1': is that of table1 too",
        ),
        (
            "paper.yaml",
            "title: Table 9",
            "title: Table 19",
            r"audit\.yaml: table9_average_seconds: where: Table 9, last row, but paper\.yaml has table9 as Table 19",
        ),
        (
            "claims.yaml",
            "where: Table 3, last row",
            "where: Table 33, last row",
            r"claims\.yaml: table3_wins: where: Table 33, last row, but paper\.yaml has table3 as Table 3",
        ),
        (
            "paper.yaml",
            "divide: 1000,",
            "divide: 100,",
            r"paper\.yaml: tables\.table1: unit: thousands, but units divides returns of ml1 by 100",
        ),
        (
            "paper.yaml",
            "failure: 2.53",
            "failure: 20",
            r"paper\.yaml: tables\.table1: groups\.failure: 20\.0: does not give the printed groups; "
            r"anything from 2\.53 to below 18\.81 does",
        ),
        (
            "tables/table7_pearl.csv",
            "context_embedding_dimension,7",
            "context_embedding_dimension,8",
            r"settings\.yaml: pearl on .*: latent_size: 7, but Table 7 prints 8 \(context_embedding_dimension, value\)",
        ),
        (
            "tables/table7_pearl.csv",
            "context_encoder_hidden_size,400",
            "context_encoder_hidden_size,300",
            r"settings\.yaml: pearl on .*: encoder_sizes: \[400, 400, 400\], but Table 7 prints 300",
        ),
        (
            "tables/table4_tcl_mujoco_controls.csv",
            "humanoid-dir-2d,128,5",
            "humanoid-dir-2d,128,1",
            r"settings\.yaml: tcl-pearl on humanoid-dir-2d: contrastive_scale: 5\.0, but Table 4 prints 1 "
            r"\(humanoid-dir-2d, contrastive_loss_scale\)",
        ),
        (
            "paper.yaml",
            "context_embedding_dimension: latent_size",
            "context_embedding_dimension: latent",
            r"settings\.yaml: pearl on .*: latent_size: paper\.yaml does not say where Table 7 prints it",
        ),
        (
            "settings.yaml",
            "Table 8: {window: 64, temperature: 1.0}",
            "page 9: {window: 64, temperature: 1.0}",
            r"settings\.yaml: window: has no value from Table 8, which prints it as "
            r"trajectory_augmentation_window_size",
        ),
        (
            "paper.yaml",
            "window_size: window,",
            "window: window,",
            r"paper\.yaml: tables\.table4: settings: row or column 'window' is unknown; .*window_size",
        ),
    ],
)
def test_two_statements_of_one_number_must_agree(altered: Path, file: str, old: str, new: str, message: str) -> None:
    read_paper(str(altered))
    path = altered / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(UsageError, match=message) as caught:
        read_paper(str(altered))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("claims.yaml", "where: Table 3, last row", "where: abstract; Table 1"),
        ("claims.yaml", "where: Table 3, last row", "where: Table 1 and 3"),
        ("claims.yaml", "where: Table 3, last row", "where: Table 2, averaged over Table A4"),
        ("audit.yaml", "where: Table 9, last row", "where: Table 8 and 9"),
        ("audit.yaml", "where: Table 9, last row", "where: Tables 7, 8 and 9"),
    ],
)
def test_a_place_may_name_other_tables_beside_the_one_that_is_read(
    altered: Path, file: str, old: str, new: str
) -> None:
    path = altered / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    read_paper(str(altered))


def test_scores_and_seconds_of_one_printed_table_are_two_files_of_one_title(altered: Path) -> None:
    for file, word in (("paper.yaml", "title"), ("audit.yaml", "where"), ("claims.yaml", "where")):
        text = (altered / file).read_text()
        assert f"{word}: Table 9" in text  # of seconds; Table 1 is of scores
        (altered / file).write_text(text.replace(f"{word}: Table 9", f"{word}: Table 1"))
    read_paper(str(altered))


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            "claims.yaml",
            'published: "8.05"',
            'published: "8.50"',
            r"claims\.yaml: better_than_pretrained_1: published: 8\.50, but the authors' log of 2D navigation gives "
            r"8\.047",
        ),
        (
            "claims.yaml",
            "entries: [maml@2, maml@1]",
            "entries: [maml@3, maml@1]",
            r"claims\.yaml: improves_2: published: 8\.35, but the authors' log of 2D navigation gives 8\.450",
        ),
        (
            "claims.yaml",
            "entries: [maml@1, random@1]",
            "entries: [maml@1, random@9]",
            r"claims\.yaml: better_than_random_1: entries: the authors' log of 2D navigation has none of 'random@9'; "
            r"it has maml 0, ",
        ),
        (
            "claims.yaml",
            "environments: [navigation-2d]",
            "environments: [point-goal-2d]",
            r"claims\.yaml: better_than_pretrained_1: the authors' log of 2D navigation: row 'point-goal-2d' is "
            r"unknown; .*navigation-2d",
        ),
        (
            "claims.yaml",
            "entries: [maml@2]",
            "entries: [maml@1]",
            r"claims\.yaml: table4_2: published: -3\.33, but the authors' log of 2D navigation gives -11\.6",
        ),
        (
            "paper.yaml",
            "seeds: 5",
            "seeds: 50",
            r"settings\.yaml: maml on navigation-2d: benchmarks/ plans 10 seeds with these settings .*, and 50 decide",
        ),
        (
            "benchmarks/maml.yaml",
            "seeds: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]",
            "seeds: [0, 1, 2, 3]",
            r"settings\.yaml: maml on navigation-2d: benchmarks/ plans 4 seeds with these .*, and 5 decide",
        ),
        (
            "audit.yaml",
            '{2D navigation: "0.1", half-cheetah forward',
            '{2D navigation: "0.5", half-cheetah forward',
            r"audit\.yaml: inner_rate_in_code: settings: 2D navigation: published 0\.5, but inner_rate of maml-0\.1 on "
            r"navigation-2d is 0\.1",
        ),
    ],
)
def test_what_differs_from_a_log_or_from_a_variants_settings_is_refused(
    tmp_path: Path, file: str, old: str, new: str, message: str
) -> None:
    folder_of_maml = Path(shutil.copytree(folder.SHIPPED / "maml", tmp_path / "paper"))
    read_paper(str(folder_of_maml))
    path = folder_of_maml / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(UsageError, match=message):
        read_paper(str(folder_of_maml))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("benchmarks/maml.yaml", "budget: 8396000", "budget: 839600"),
        ("settings.yaml", "max_kl: 0.01", "max_kl: 0.02"),
    ],
)
def test_runs_at_a_scale_of_their_own_are_taken(tmp_path: Path, file: str, old: str, new: str) -> None:
    path = Path(shutil.copytree(folder.SHIPPED / "maml", tmp_path / "paper")) / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    assert read_paper(str(tmp_path / "paper")).claims


def test_benchmarks_that_would_execute_code_are_not_planned(tmp_path: Path) -> None:
    there = Path(shutil.copytree(folder.SHIPPED / "maml", tmp_path / "paper"))
    own = "groups: [{environments: [navigation-2d], algorithms: {mine: null}, seeds: [0], budget: 1}]"
    head = "name: mine\ndescription: Mine.\n"
    (there / "benchmarks" / "mine.yaml").write_text(f"{head}modules: [mine.py]\n{own}\n")
    (there / "benchmarks" / "over.yaml").write_text(f"{head}include: [mine.yaml]\n")
    (there / "benchmarks" / "top.yaml").write_text(f"{head}include: [maml, over.yaml]\n")
    read_paper(str(there))


@pytest.mark.parametrize(
    ("name", "message"), [("round.yaml", "includes itself"), ("none.yaml", "'none.yaml' is unknown")]
)
def test_benchmarks_that_include_what_they_cannot_are_refused(tmp_path: Path, name: str, message: str) -> None:
    there = Path(shutil.copytree(folder.SHIPPED / "maml", tmp_path / "paper"))
    (there / "benchmarks" / "round.yaml").write_text(f"name: mine\ndescription: Mine.\ninclude: [{name}]\n")
    with pytest.raises(UsageError, match=message):
        read_paper(str(there))


@pytest.mark.parametrize(
    ("name", "file", "old", "new", "message"),
    [
        (
            "maml",
            "settings.yaml",
            "iterations: 100}",
            "iterations: 110}",
            r"audit\.yaml: iterations: cited_settings: 2D navigation: cited 100, but iterations of maml on "
            r"navigation-2d is 110",
        ),
        (
            "maml",
            "audit.yaml",
            "cited_settings: {2D navigation: [maml, navigation-2d, iterations]}",
            "cited_settings: {3D navigation: [maml, navigation-2d, iterations]}",
            r"audit\.yaml: iterations: cited_settings: cited number '3D navigation' is unknown; .*2D navigation",
        ),
        (
            "pearl",
            "claims.yaml",
            "times: 20",
            "times: 30",
            r"claims\.yaml: fewer_steps_than_maml_trpo: side: above 30, but 20 to 100 is published",
        ),
        (
            "pearl",
            "claims.yaml",
            "times: 20",
            "times: 10",
            r"claims\.yaml: fewer_steps_than_maml_trpo: times: 10, but the statement is 'at least 20 times fewer",
        ),
        (
            "pearl",
            "claims.yaml",
            "published: 20 to 100\n  audited: [fewer_steps, times]",
            "published: 30 to 100",
            r"claims\.yaml: fewer_steps_than_maml_trpo: times: 20, but 30 to 100 is published",
        ),
        (
            "pearl",
            "claims.yaml",
            "share: 1.5",
            "share: 2.5",
            r"claims\.yaml: half_better_than_maml_trpo: share: 2\.5, but the statement is .final returns at least 50 %",
        ),
        (
            "snail",
            "logs/rl2_table1.csv",
            "10 pulls of 5 arms,6.6,",
            "10 pulls of 5 arms,6.7,",
            r"paper\.yaml: tables\.rl2_table1: 10 pulls of 5 arms, gittins: 6\.7, but table1 of rl2 has 6\.6",
        ),
        (
            "snail",
            "paper.yaml",
            "copy_of: [rl2, table1]",
            "copy_of: [rl3, table1]",
            r"paper\.yaml: tables\.rl2_table1: copy_of: paper 'rl3' is unknown; .*rl2",
        ),
    ],
)
def test_numbers_of_code_and_of_another_paper_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, file: str, old: str, new: str, message: str
) -> None:
    monkeypatch.setattr(paper, "_check_settings", lambda *_: None)
    there = Path(shutil.copytree(folder.SHIPPED / name, tmp_path / "paper"))
    read_paper(str(there))
    text = (there / file).read_text()
    assert old in text
    (there / file).write_text(text.replace(old, new, 1))
    with pytest.raises(UsageError, match=message):
        read_paper(str(there))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("at least 20 times fewer", "20-100 times fewer"),
        ("at least 20 times fewer", "20 – 100 times fewer"),
        ("at least 20 times fewer", "three times out of four, far fewer"),
        ("20 to 100\n  audited: [fewer_steps, times]", "20.0.1 to 100"),
        ("at least 50 % better than MAML-TRPO's in most", "half as good again, at 95 % confidence, in most"),
        ("at least 50 % better than MAML-TRPO's in most", "half as good again (95 % bootstrap intervals) in most"),
        ("at least 50 % better than MAML-TRPO's in most", "half as good again (95 % CI) in most"),
        ("at least 50 % better than MAML-TRPO's in most", "half better than MAML-TRPO's in 80 % of environments of"),
        ("at least 50 % better than MAML-TRPO's in most", "half better than MAML-TRPO's in 80 % of the tasks of"),
    ],
)
def test_words_that_name_a_range_or_a_share_of_environments_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str
) -> None:
    monkeypatch.setattr(paper, "_check_settings", lambda *_: None)
    claims = Path(shutil.copytree(folder.SHIPPED / "pearl", tmp_path / "paper")) / "claims.yaml"
    text = claims.read_text()
    assert old in text
    claims.write_text(text.replace(old, new, 1))
    read_paper(str(claims.parent))


def test_a_thousand_times_is_read_with_its_comma(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paper, "_check_settings", lambda *_: None)
    claims = Path(shutil.copytree(folder.SHIPPED / "pearl", tmp_path / "paper")) / "claims.yaml"
    text = claims.read_text().replace("published: 20 to 100\n  audited: [fewer_steps, times]", "published: '1000'")
    text = text.replace("at least 20 times fewer", "1,000 times fewer").replace("times: 20", "times: 1000")
    claims.write_text(text)
    read_paper(str(claims.parent))
    claims.write_text(text.replace("1,000 times", "1,001 times"))
    with pytest.raises(UsageError, match="times: 1000, but the statement is '1,001 times fewer"):
        read_paper(str(claims.parent))


def with_cells(tmp_path: Path, cells: dict[str, list[str]]) -> str:
    tables = made.make_tables(0)
    audit = made.make_audit(tables)
    audit["schedule"]["cells"] = cells
    audit["schedule"]["published"]["tasks"] = tables["schedule"][2][1]
    return str(made.write_paper(tmp_path / "paper", tables, audit))


def test_a_published_number_that_its_cell_prints_is_taken(tmp_path: Path) -> None:
    read_paper(with_cells(tmp_path, {"tasks": ["schedule", "tasks", "value"]}))


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"laps": ["schedule", "tasks", "value"]}, r"schedule: cells: published number 'laps' is unknown; .*tasks"),
        ({"tasks": ["none", "tasks", "value"]}, r"schedule: table 'none' is unknown"),
        ({"tasks": ["schedule", "laps", "value"]}, r"schedule: .*row 'laps' is unknown"),
        ({"tasks": ["schedule", "tasks", "laps"]}, r"schedule: .*column 'laps' is unknown"),
        ({"tasks": ["schedule", "tasks"]}, r"schedule\.schedule\.cells"),
    ],
)
def test_a_cell_that_is_not_there_is_refused(tmp_path: Path, cells: dict[str, list[str]], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_paper(with_cells(tmp_path, cells))
