"""Crime in Columbus (Anselin 1988, chapter 12)."""

import numpy as np
import pandas as pd

import digiprosper as dp

data = pd.read_csv("columbus.csv")
links = pd.read_csv("columbus_neighbours.csv") - 1
matrix = np.zeros((49, 49))
matrix[links["i"], links["j"]] = 1
weights = dp.SpatialWeights(matrix, data["id"])
panel = dp.Panel(data, "id")
spatial = dp.PanelSpatial(
    "CRIME",
    ["INC", "HOVAL"],
    weights,
    model="sar",
    cov_type="information",
    entity_effects=False,
    time_effects=False,
)
lag = spatial.fit(panel)
error = spatial.replace(model="sem").fit(panel)
usually = {
    "lag": spatial.replace(cov_type=None).fit(panel),
    "error": spatial.replace(model="sem", cov_type=None).fit(panel),
}

# Beside print
ours, by_default = {}, {}
for model, fit in {"lag": lag, "error": error}.items():
    usual = usually[model]
    for term in fit.params.index:
        key = f"{model}: std. error of {term}"
        ours[f"{model}: {term}"] = fit.params[term]
        ours[key] = fit.std_errors[term]
        by_default[key] = usual.std_errors[term]
    ours[f"{model}: log likelihood"] = fit.glance()["loglik"]
    ours[f"{model}: sigma2"] = fit.glance()["sigma2"]
for row in lag.impacts.itertuples():
    ours[f"lag: {row.kind} effect of {row.term}"] = row.estimate
