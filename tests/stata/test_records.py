"""What became of each line, and which results the script has."""

from __future__ import annotations

from digiprosper.stata.lines import Statement
from digiprosper.stata.records import Records
from digiprosper.stata.translation import Context


def records(*texts: str) -> Records:
    statements = [Statement(at, text) for at, text in enumerate(texts, 1)]
    return Records(statements, Context())


def test_the_worst_of_several_turns_counts() -> None:
    lines = records("reg y x", "end")
    lines._record("translated")
    lines._record("refused", "why")
    lines._record("translated", "later")
    assert [(line.status, line.reason) for line in lines.lines()] == [
        ("refused", "why"),
        ("read", ""),
    ]


def test_a_line_that_nothing_leads_to_is_not_run() -> None:
    (line,) = records("reg y x").lines()
    assert (line.status, line.is_estimation) == ("not run", True)


def test_a_name_has_the_result_only_if_the_script_has_it() -> None:
    lines = records("est store a")
    lines.has_fit = True
    lines._store("a")
    lines._other_results("a")
    assert lines.fitted == {"a": False}
    assert lines.code == ["results['a'] = fit", "results.pop('a', None)"]
