"""What a call that must fail fails with."""

from collections.abc import Callable

import pytest

from bootstrap.problems.problem import Problem, ProblemsFound


def failure(call: Callable[[], object]) -> Problem:
    """The one problem that it raises."""
    with pytest.raises(ProblemsFound) as failed:
        call()
    (found,) = failed.value.problems
    return found
