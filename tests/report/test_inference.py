"""Where errors come from, as values."""

from __future__ import annotations

import pickle
from dataclasses import replace

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
    inference = Inference(cov_type="bootstrap", drawn="entity", n_drawn=48, reps=999)
    assert inference.from_draws
    assert inference.few_drawn is None
    assert replace(inference, n_drawn=4).few_drawn == 4
    assert replace(inference, n_drawn=4, drawn=None).few_drawn is None
