from __future__ import annotations

import errno
from typing import ClassVar

import pytest
import torch

from suite.errors import first_line
from suite.failures import FailedRunError, Kind, of_exception
from suite.training.protocol import BudgetError
from suite.training.trainer import DivergedError


class TooSlowError(FailedRunError):
    kind: ClassVar[Kind] = "time"


def out_of_memory_on_the_cpu() -> BaseException:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(10**15)
    return caught.value


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BudgetError("too little"), "budget"),
        (DivergedError("pearl: iteration 3: kl is nan"), "diverged"),
        (TooSlowError("late"), "time"),
        (MemoryError(), "memory"),
        (torch.OutOfMemoryError("no room"), "memory"),
        (out_of_memory_on_the_cpu(), "memory"),
        (OSError(errno.ENOSPC, "no space left"), "storage"),
        (OSError(errno.ENOENT, "no such file"), "error"),
        (RuntimeError("shapes differ"), "error"),
    ],
    ids=repr,
)
def test_the_class_of_an_exception_says_the_kind_of_failure(error: BaseException, kind: str) -> None:
    assert of_exception(error).kind == kind


def test_a_name_alone_makes_no_kind() -> None:
    borrowed = type("BudgetError", (Exception,), {})
    assert of_exception(borrowed("not the suite's")) == ("error", "BudgetError: not the suite's")


def test_the_reason_is_shown_as_the_suite_wrote_it() -> None:
    assert of_exception(BudgetError("too little")).reason == "too little"
    assert of_exception(ValueError("too little")).reason == "ValueError: too little"


def test_a_reason_is_one_line_wherever_its_message_breaks() -> None:
    assert of_exception(RuntimeError("\n    Some tensors share memory\n\n  twice")).reason == (
        "RuntimeError: Some tensors share memory twice"
    )
    assert of_exception(BudgetError("\ntoo\nlittle")).reason == "too little"
    assert of_exception(RuntimeError(" \n ")).reason == "RuntimeError"
    assert of_exception(BudgetError("\n")).reason == "BudgetError"
    assert first_line("\n  \n  one\ntwo") == "one"
    assert first_line("") == ""
