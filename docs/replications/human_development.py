"""The Human Development Index of 2022 (UNDP 2024)."""

import numpy as np
import pandas as pd

import digiprosper as dp

data = pd.read_csv("hdi_2010_2022.csv").dropna(subset="hdi_2022")
data["life"] = data["le_2022"].clip(upper=85)
data["expected"] = data["eys_2022"].clip(upper=18)
data["schooling"] = data["mys_2022"].clip(upper=15)
data["income"] = np.log(data["gnipc_2022"].clip(upper=75_000))
system = dp.IndicatorSystem(
    [
        dp.Indicator("life", dimension="health", goalposts=(20, 85)),
        dp.Indicator("expected", dimension="education", goalposts=(0, 18)),
        dp.Indicator("schooling", dimension="education", goalposts=(0, 15)),
        dp.Indicator(
            "income", dimension="income", goalposts=(np.log(100), np.log(75_000))
        ),
    ]
)
index = dp.CompositeIndex(
    system,
    scope="goalposts",
    weighting="equal",
    structure="equal_dimensions",
    aggregate="geometric_dimensions",
).fit(dp.Panel(data, "iso3"))

# Beside print
ours = index.scores.to_dict()
