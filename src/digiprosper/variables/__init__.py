"""Formulas for variables common in the literature on the digital economy.

Each function takes numbers, arrays or Series; tables may be a DataFrame or a list of
columns. It returns a Series if an argument is a Series, an array if an argument is an
array, and otherwise a number. Series are matched by index. If a value is missing, the
result is missing. Negative amounts and divisions by zero raise an error that lists the
rows. The first line of each docstring states what a larger value means.

To add such a variable to a panel use
``panel.assign(advanced=lambda f: variables.industrial_advancement(f["va2"],
f["va3"]))``.

`digiprosper.urban_rural_theil` and `digiprosper.coupling_coordination` are two more
such formulas.
"""

from digiprosper.variables.mechanisms import (
    capital_stock,
    digital_divide,
    digital_value_added,
    distance_to_leader,
    growth_volatility,
    herfindahl,
    industrial_advancement,
    industrial_angle,
    industrial_layer,
    industrial_rationalisation,
    krugman_index,
    lilien_index,
    locational_gini,
    per_capita,
    productivity_advancement,
    regional_coordination,
    relative_rate,
    service_equality,
    solow_tfp,
    structural_deviation,
    urban_rural_ratio,
)

__all__ = [
    "capital_stock",
    "digital_divide",
    "digital_value_added",
    "distance_to_leader",
    "growth_volatility",
    "herfindahl",
    "industrial_advancement",
    "industrial_angle",
    "industrial_layer",
    "industrial_rationalisation",
    "krugman_index",
    "lilien_index",
    "locational_gini",
    "per_capita",
    "productivity_advancement",
    "regional_coordination",
    "relative_rate",
    "service_equality",
    "solow_tfp",
    "structural_deviation",
    "urban_rural_ratio",
]
