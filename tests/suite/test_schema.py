"""Files that somebody writes: an unknown key is refused in whatever part it stands."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError, create_model

from suite.execute.slurm.script import Cluster
from suite.papers.measurements import Measurement
from suite.papers.paper import Paper
from suite.papers.statements import Gain
from suite.plan.benchmark import Benchmark
from suite.schema import Strict

READERS = (Benchmark, Cluster, Measurement, Paper)
"""Their modules, and what these import, hold all parts of files."""


def parts(base: type[Strict] = Strict) -> Iterator[type[Strict]]:
    for each in base.__subclasses__():
        if each.__module__.startswith("suite."):
            yield each
        yield from parts(each)


@pytest.mark.parametrize("part", [part for part in parts() if not inspect.isabstract(part)])
def test_every_part_of_a_file_refuses_an_unknown_key(part: type[Strict]) -> None:
    fields: dict[str, Any] = dict.fromkeys(part.model_fields, (Any, None))
    empty = create_model("Empty", __base__=part, **fields)  # its validators, and no field that has to be there
    with pytest.raises(ValidationError, match=r"key 'bogus' is unknown|Extra inputs"):
        empty.model_validate({"bogus": 1})


GAIN = {
    "statistic": "gain",
    "statement": "more",
    "where": "text",
    "published": "1.2",
    "entries": ["a", "b"],
    "environments": "ml1",
    "side": "above",
    "average": "median",
    "definition": "both above zero",
}
MEASUREMENT = {
    "check": "measurement",
    "claim": "so many",
    "where": "text",
    "measurement": "walker-parameters",
    "published": {"parameters": "60"},
    "recomputed": "r",
    "rule": "r",
    "explanation": "e",
}


@pytest.mark.parametrize(("part", "values"), [(Gain, GAIN), (Measurement, MEASUREMENT)])
def test_a_part_with_a_rule_of_its_own_refuses_an_unknown_key(part: type[Strict], values: dict[str, Any]) -> None:
    part.model_validate(values)
    with pytest.raises(ValidationError, match="key 'bogus' is unknown"):
        part.model_validate({**values, "bogus": 1})
