from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from digiprosper import Panel, SpatialWeights, datasets

HERE = Path(__file__).resolve().parent
SHARED = HERE.parents[2] / "shared" / "data"
REFERENCE = HERE.parent / "reference"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let fits with few entities and time effects warn of their bias.

    Tests of that warning expect it.
    """
    known = (
        "ignore:maximum likelihood with time "
        "effects:digiprosper.errors.IdentificationWarning"
    )
    mark = pytest.mark.filterwarnings(known)
    for item in items:
        if str(item.path).startswith(f"{HERE}{os.sep}"):
            item.add_marker(mark)


@pytest.fixture(scope="session")
def numbers() -> dict[str, Any]:
    return json.loads((REFERENCE / "spatial.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def states() -> Panel:
    return datasets.us_states()


@pytest.fixture(scope="session")
def contiguity() -> SpatialWeights:
    return SpatialWeights.from_neighbours(datasets.us_neighbours())


@pytest.fixture(scope="session")
def cigar() -> Panel:
    frame = pd.read_csv(SHARED / "cigar.csv")
    frame["logp"] = np.log(frame["price"] / frame["cpi"])
    frame["logy"] = np.log(frame["ndi"] / frame["cpi"])
    return Panel(frame, "state", "year")


@pytest.fixture(scope="session")
def cigar_weights(cigar: Panel) -> SpatialWeights:
    matrix = pd.read_csv(SHARED / "usa46.csv", index_col=0).to_numpy(dtype=float)
    return SpatialWeights(matrix, cigar.entities)
