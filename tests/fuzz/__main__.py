"""Draw cases; anything but a result, our own error or warning is a finding.

"Our own" is the library's own.

    python -m tests.fuzz --minutes 20 --seed 1
    python -m tests.fuzz --case 4711

A finding is printed with the number of its case, which draws it again, and what was
called.
"""

from __future__ import annotations

import argparse
import pickle
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pandas as pd

import digiprosper as dp
from digiprosper.errors import DigiprosperError, DigiprosperWarning, one_line
from digiprosper.panel.access import table_of
from tests.fuzz import models
from tests.fuzz.follow import follow_ups, text_of
from tests.fuzz.frames import chance, draw_frame
from tests.fuzz.models import Case
from tests.fuzz.space import SPATIAL_JOBS

if TYPE_CHECKING:
    from collections.abc import Callable

mpl.use("Agg")
JOBS = {**models.JOBS, **{name: job for name, (job, _) in SPATIAL_JOBS.items()}}
_SHARES = dict(zip(models.JOBS, models.SHARES, strict=True)) | {
    n: s for n, (_, s) in SPATIAL_JOBS.items()
}
_SLOWEST = 20.0
_LONGEST_MESSAGE = 4000
_SOURCE = str(Path(dp.__file__).parent)
# Remarks that explain no missing number.
_NO_REASON = {"missing_rows", "lagged_rows", "singletons", "few_clusters", "few_draws"}


class TooSlowError(BaseException):
    """A call takes longer than anything in a small panel should."""


class WrongError(Exception):
    """A result or an error is not what it should be."""


@dataclass
class Tally:
    """What was found, by where it was raised."""

    cases: int = 0
    reached: Counter[str] = field(default_factory=Counter)
    drawn: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    findings: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def add(self, case: int, error: BaseException, log: list[str], stage: str) -> None:
        """Keep the first finding of a place, and count the others."""
        key = (type(error).__name__, _place(error))
        lines = self.findings.setdefault(key, [])
        lines.append(f"case {case}")
        if len(lines) == 1:
            lines[0] += (
                f" [{stage}] {type(error).__name__}: {str(error)[:300]!r}\n    "
                + "\n    ".join(log)
            )
            shown = " ".join(key)
            sys.stdout.write(f"{shown}\n  {lines[0]}\n")
            sys.stdout.flush()


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, WrongError):
        return str(error)[:60]
    last = ([f for f in frames if f.filename.startswith(_SOURCE)] or frames)[-1]
    return f"{last.filename.removeprefix(_SOURCE)}:{last.lineno} in {last.name}"


def run_case(number: int, tally: Tally, jobs: list[str] | None = None) -> None:
    """Draw one case, of named jobs alone if any, and do everything with it."""
    rng = np.random.default_rng(number)
    with warnings.catch_warnings(action="ignore"):
        data = draw_frame(rng)
        before = _snapshot(data.frame)
    names = jobs or list(JOBS)
    shares = np.array([_SHARES[name] for name in names])
    job = names[int(rng.choice(len(names), p=shares / shares.sum()))]
    log = [f"{job}: {'; '.join(data.story)}"]
    tally.cases += 1
    tally.drawn[job] += 1

    def make() -> dp.Panel:
        return dp.Panel(data.frame, *data.keys, **data.options)

    panel = _tried(tally, number, log, "Panel", make)
    if panel is not None:
        data.names = {
            r: n if n in table_of(panel).names else one_line(n)
            for r, n in data.names.items()
        }
        case = Case(
            rng,
            data,
            panel,
            number,
            log,
            wrong=float(rng.choice([0.04, 0.3], p=[0.8, 0.2])),
        )
        state = rng.bit_generator.state
        result = _tried(tally, number, log, job, lambda: JOBS[job](case))
        if result is not None:
            tally.reached[job] += 1
            _tried(tally, number, log, "params", lambda: _check_result(result))
            if chance(np.random.default_rng(number + 1), 0.15):
                _tried(
                    tally,
                    number,
                    log,
                    "same seed",
                    lambda: _same(case, job, state, result),
                )
                rng.bit_generator.state = state
            for label, call in follow_ups(case, result) if job != "misuse" else []:
                _tried(tally, number, [*log, label], label.split("(")[0], call)
    if _snapshot(data.frame) != before:
        tally.add(number, WrongError("the input frame was changed"), log, "frame")


def _tried(
    tally: Tally, number: int, log: list[str], stage: str, call: Callable[[], Any]
) -> Any:
    """Call; None after an error, which is a finding unless it is the library's own."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DigiprosperWarning)
        warnings.filterwarnings(
            "ignore", "'[a-zA-Z]+' deprecated - use", DeprecationWarning
        )
        # A machine without a Chinese font shows boxes, and matplotlib says so.
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        signal.setitimer(signal.ITIMER_VIRTUAL, _SLOWEST)
        try:
            return call()
        except DigiprosperError as error:
            tally.refused[type(error).__name__] += 1
            _check_error(tally, number, log, stage, error)
        except (Exception, TooSlowError) as error:  # noqa: BLE001
            tally.add(number, error, log, stage)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return None


def _check_error(
    tally: Tally, number: int, log: list[str], stage: str, error: DigiprosperError
) -> None:
    try:
        again = pickle.loads(pickle.dumps(error))
        if str(again) != str(error) or not error.problems:
            raise WrongError(f"{type(error).__name__} loses its problems")
        if len(str(error)) > _LONGEST_MESSAGE:
            raise WrongError(
                f"a message of {type(error).__name__} in {_place(error)} is very long"
            )
    except Exception as wrong:  # noqa: BLE001
        tally.add(number, wrong, log, stage)


def _check_result(result: Any) -> None:
    params = getattr(result, "params", None)
    if not isinstance(params, pd.Series):
        return
    told = {n.code for n in result.diagnostics} - _NO_REASON
    for name in ("params", "std_errors"):
        if getattr(result, name).isna().any() and not told:
            raise WrongError(f"{type(result).__name__}.{name} missing without a notice")


def _same(case: Case, job: str, state: Any, result: Any) -> None:
    case.rng.bit_generator.state = state
    again = JOBS[job](case)
    if text_of(again) != text_of(result):
        raise WrongError(f"{job}: the same seed gives another result")


def _snapshot(frame: Any) -> Any:
    if not isinstance(frame, pd.DataFrame):
        return type(frame)
    return repr(
        (
            frame.to_numpy(dtype=object).tolist(),
            frame.dtypes.tolist(),
            frame.index,
            frame.columns,
        )
    )


def _too_slow(*_: object) -> None:
    raise TooSlowError(f"more than {_SLOWEST:g} seconds")


def main() -> int:
    """Run; the exit code is 1 if there are findings."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument(
        "--minutes", type=float, default=1.0, help="how long, 1 by default"
    )
    parser.add_argument(
        "--cases", type=int, default=0, help="how many, instead of minutes"
    )
    parser.add_argument("--seed", type=int, default=1, help="where to begin")
    parser.add_argument("--case", type=int, help="one case alone, by its number")
    parser.add_argument(
        "--jobs", nargs="*", choices=list(JOBS), help="these alone; all by default"
    )
    given = parser.parse_args()
    signal.signal(signal.SIGVTALRM, _too_slow)
    tally, begin = Tally(), time.monotonic()
    first = given.seed * 10_000_000 if given.case is None else given.case
    last = first + (1 if given.case is not None else given.cases or 10_000_000)
    for number in range(first, last):
        run_case(number, tally, given.jobs)
        if not given.cases and time.monotonic() - begin > 60 * given.minutes:
            break
    _report(tally, time.monotonic() - begin)
    return bool(tally.findings)


def _report(tally: Tally, seconds: float) -> None:
    reached = sum(tally.reached.values())
    lines = [
        (
            f"{tally.cases} cases in {seconds:.0f} s, "
            f"{100 * reached / tally.cases:.0f}% reach a result:"
        )
    ]
    lines.append(
        ", ".join(
            f"{job} {tally.reached[job]}/{n}" for job, n in sorted(tally.drawn.items())
        )
    )
    lines.append(", ".join(f"{kind} {n}" for kind, n in tally.refused.most_common()))
    lines.append(f"{len(tally.findings)} findings" if tally.findings else "no findings")
    for key, actual in sorted(tally.findings.items(), key=lambda item: -len(item[1])):
        lines.append(
            f"{len(actual)} x {' '.join(key)}: "
            f"{', '.join(f.split(' [')[0] for f in actual[:5])}"
        )
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
