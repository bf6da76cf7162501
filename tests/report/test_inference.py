"""Where errors come from, as values."""

from __future__ import annotations

import pickle

from digiprosper.report.inference import Inference


def test_it_is_a_value() -> None:
    clustered = Inference(
        cov_type="clustered",
        ssc="reghdfe",
        clusters=("state",),
        n_clusters=(48,),
        df_t=47.0,
    )
    assert clustered == pickle.loads(pickle.dumps(clustered))
    assert not clustered.from_draws


def test_draws_say_what_was_drawn() -> None:
    assert Inference(
        cov_type="bootstrap", drawn="entity", n_drawn=48, reps=999
    ).from_draws
