"""Variables of mechanisms, by formula: columns in, the same kind of column out.

Each function takes numbers, arrays or Series, and tables as a DataFrame or a list of columns; it gives back a
Series on the same index where anything is a Series, an array where anything is an array, else a number.
Series are matched by index. A missing value gives a missing result, nothing is filled; negative amounts and
zero divisors are refused with their rows. The first line of every docstring says what a larger value means.

In a panel they go through functions of the frame: ``panel.assign(advanced=lambda f:
variables.industrial_advancement(f["va2"], f["va3"]))``.

Two more are elsewhere: `urban_rural_theil` and `coupling_coordination`.
"""

from __future__ import annotations

from digiprosper.variables.growth import capital_stock, solow_tfp
from digiprosper.variables.industry import (
    industrial_advancement,
    industrial_angle,
    industrial_layer,
    industrial_rationalisation,
    lilien_index,
    productivity_advancement,
    structural_deviation,
)
from digiprosper.variables.rates import (
    digital_divide,
    distance_to_leader,
    per_capita,
    relative_rate,
    urban_rural_ratio,
)
from digiprosper.variables.regions import (
    herfindahl,
    krugman_index,
    locational_gini,
    regional_coordination,
    service_equality,
)

__all__ = [
    "capital_stock",
    "digital_divide",
    "distance_to_leader",
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
