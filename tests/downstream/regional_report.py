"""A package that depends on digiprosper, and uses public names only.

`python -m regional_report` fits two models, stores their results in a temporary folder
and reads them in a second process. Run it with an installed wheel, outside the
repository, to test what other packages rely on.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

import digiprosper as dp

PICKLED = "results.pickle"
WRITTEN = "numbers.json"


def fitted(panel: dp.Panel) -> dp.ResultSet:
    """Fit a baseline and one check of it."""
    baseline = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"])
    return dp.fit_all(
        {"baseline": baseline, "robust": baseline.replace(cov_type="robust")}, panel
    )


def fitted_by_any(specification: dp.Specification, panel: dp.Panel) -> dp.Results:
    """Fit any specification with estimates."""
    results: dp.Results = specification.fit(panel)
    return results


def numbers(results: dp.ResultSet) -> dict[str, dict[str, float]]:
    """Read what every result has: estimates, standard errors and the number of rows.

    >>> read = numbers(fitted(dp.datasets.us_states()))
    >>> (
    ...     read["baseline"]["nobs"],
    ...     round(read["baseline"]["log(pc)"], 4),
    ...     round(read["robust"]["se:unemp"], 4),
    ... )
    (816.0, 0.6636, 0.0016)

    """
    return {
        label: {"nobs": float(result.nobs)}
        | {str(term): float(value) for term, value in result.params.items()}
        | {f"se:{term}": float(value) for term, value in result.std_errors.items()}
        for label, result in results.items()
    }


def store(folder: Path) -> None:
    """Fit the models, and write their results and their numbers."""
    results = fitted(dp.datasets.us_states())
    (folder / PICKLED).write_bytes(pickle.dumps(results))
    (folder / WRITTEN).write_text(json.dumps(numbers(results)), encoding="utf-8")


def restore(folder: Path) -> None:
    """Read results that another process stored, and compare with its numbers."""
    results = pickle.loads((folder / PICKLED).read_bytes())
    written = json.loads((folder / WRITTEN).read_text(encoding="utf-8"))
    if numbers(results) != written:
        message = "The restored results have other numbers than those that were stored."
        raise RuntimeError(message)
    table = str(dp.etable(results))
    if "Observations" not in table or "816" not in table:
        message = "The table of the restored results lacks the number of observations."
        raise RuntimeError(message)


def main(arguments: list[str]) -> None:
    """Store here and restore in a second process.

    With a folder as argument, restore only.
    """
    if arguments:
        restore(Path(arguments[0]))
        return
    with tempfile.TemporaryDirectory() as name:
        store(Path(name))
        subprocess.run([sys.executable, "-m", "regional_report", name], check=True)
    sys.stdout.write(f"digiprosper {dp.__version__}: results stored and restored.\n")


if __name__ == "__main__":
    main(sys.argv[1:])
