from __future__ import annotations

import pickle

from digiprosper import PanelSpatial


def test_the_group_is_pickled_by_name(states, contiguity) -> None:
    made = PanelSpatial("log(gsp)", ["unemp"], contiguity).fit(states).estimated
    stored = pickle.dumps(made)
    assert b"digiprosper.spatial" not in stored
    again = pickle.loads(stored)
    assert again.names == made.names
    assert (again.loglik, again.weights_hash) == (made.loglik, made.weights_hash)
