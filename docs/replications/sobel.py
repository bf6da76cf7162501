"""Sobel's test on UCLA's example of sgmediation."""

import pandas as pd

import digiprosper as dp

students = dp.Panel(pd.read_csv("hsb2.csv"), "id")
spec = dp.Mediation(
    "science",
    "math",
    "read",
    entity_effects=False,
    time_effects=False,
    cov_type="unadjusted",
)
science = spec.fit(students, rng=1)
writing = spec.replace(y="write", treatment="ses").fit(students, rng=1)

# Beside print
ours = {}
names = {"total": "c", "mediator:read": "a", "outcome": "b and c'"}
for equation, path in science.paths.items():
    ours[f"path {names[equation]}: R2"] = path.rsquared
    for term in path.params.index:
        ours[f"path {names[equation]}: {term}"] = path.params[term]
        ours[f"path {names[equation]}: std. error of {term}"] = path.std_errors[term]
ours["write on ses: c"] = writing.params["total"]
ours["write on ses: std. error of c"] = writing.std_errors["total"]
ours["write on ses: R2"] = writing.paths["total"].rsquared
