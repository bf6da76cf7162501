"""One panel, and one report of propositions of every kind."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext

import numpy as np
import pytest

import digiprosper as dp
from digiprosper import pathways
from digiprosper.pathways import evaluation

CONTROLS = ["urban", "fiscal", "openness"]
COLUMNS = {
    "de": "digital",
    "cp": "prosperity",
    "isu": "upgrading",
    "tfp": "productivity",
    "entrepreneurship": "entrepreneurship",
    "ur_gap": "urban_rural_theil",
    "rural_income": "rural_income",
    "human_capital": "schooling",
    "institution": "openness",
    "unemployment": "unemployment",
}
IDS = ("P05", "P09", "P10", "P15", "P20", "P21", "P31", "P41", "P04", "P08")


@contextmanager
def fewer_draws():
    """Draw less often than users do: these tests are about other things."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "REPS", 499)
        yield


@pytest.fixture(scope="module", autouse=True)
def few(request):
    """Draw as often as users do where size and power are simulated."""
    with nullcontext() if "family_wise" in request.module.__name__ else fewer_draws():
        yield


@pytest.fixture(scope="session")
def panel():
    return dp.datasets.simulate_provinces()[0]


@pytest.fixture(scope="session")
def truth():
    return dp.datasets.simulate_provinces()[1]


@pytest.fixture(scope="session")
def catalogue():
    return {mechanism.id: mechanism for mechanism in pathways.seed_catalogue()}


@pytest.fixture(scope="session")
def report(panel, catalogue):
    chosen = [catalogue[name] for name in IDS]
    with fewer_draws():
        return pathways.evaluate(panel, chosen, COLUMNS, controls=CONTROLS, rng=1)


@pytest.fixture(scope="session")
def ring(panel):
    size = panel.n_entities
    links = np.roll(np.eye(size), 1, axis=1) + np.roll(np.eye(size), -1, axis=1)
    return dp.SpatialWeights(links, panel.entities)
