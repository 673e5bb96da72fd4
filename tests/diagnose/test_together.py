"""Calls at the same time, of which none can keep the others."""

import threading

from bootstrap.core.concurrent import run_concurrently


def test_each_answer_by_its_name() -> None:
    assert run_concurrently({"a": lambda: 1, "b": lambda: 2}, 30) == {"a": 1, "b": 2}
    assert run_concurrently({}, 30) == {}


def test_they_run_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=30)
    answers = run_concurrently({"a": both.wait, "b": both.wait}, 60)
    assert sorted(map(str, answers.values())) == ["0", "1"]


def test_an_error_is_an_answer() -> None:
    answers = run_concurrently({"a": lambda: 1 // 0, "b": lambda: 2}, 30)
    assert isinstance(answers["a"], ZeroDivisionError)
    assert answers["b"] == 2


def test_one_that_hangs_is_left_behind() -> None:
    end = threading.Event()
    answers = run_concurrently({"hangs": lambda: end.wait(60), "b": lambda: True}, 0.2)
    end.set()
    assert isinstance(answers["hangs"], TimeoutError)
    assert "0 s" in str(answers["hangs"])
