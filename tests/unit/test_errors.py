"""The error tree is part of the public contract: codes are stable and documented, statuses are errors."""

from __future__ import annotations

import re

import pytest

import app.errors
from app.errors import LlmopsError


def all_errors(cls: type[LlmopsError] = LlmopsError) -> list[type[LlmopsError]]:
    return [cls, *(found for child in cls.__subclasses__() for found in all_errors(child))]


EACH = pytest.mark.parametrize("error", all_errors(), ids=lambda error: error.__name__)


@EACH
def test_each_error_has_a_status_a_code_and_a_title(error: type[LlmopsError]) -> None:
    assert 400 <= error.status <= 599
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", error.code)
    assert error.title[0].isupper()


def test_a_code_means_one_error() -> None:
    codes = [error.code for error in all_errors()]
    assert len(codes) == len(set(codes))


@EACH
def test_the_module_docstring_is_the_whole_tree(error: type[LlmopsError]) -> None:
    assert re.search(rf"\b{error.__name__}\b", app.errors.__doc__ or "")


def test_no_name_in_the_docstrings_tree_is_invented() -> None:
    tree = re.findall(r"[├└│─]+[ ─]*(.*)", app.errors.__doc__ or "")
    named = {name for line in tree for name in re.findall(r"\b[A-Z][a-z]+[A-Z]\w+", line)}
    assert named <= {error.__name__ for error in all_errors()}


def test_an_error_without_a_message_says_what_its_title_says() -> None:
    assert app.errors.UnknownDocument().detail == "No such document"
    assert app.errors.UnknownDocument("There is no document 'd1'").detail == "There is no document 'd1'"
