"""What counts as zero, equal or collinear: each number with what it is a share of.

Two numbers of the same size have two names where they are about different things, so
that one can move without the other. Cut-offs of notices (few clusters, few draws) are
not here but beside what they say.
"""

from __future__ import annotations

# --- columns and regressors -----------------------------------------------------------

# Spread of a column over its largest value: below it the column is constant.
CONSTANT = 1e-13
# Norm of a column with the effects (and controls) out, over that of its deviations from
# the mean.
ABSORBED = 1e-9
# The same, below which what is left may be the rounding of values stored with seven
# digits. Its square is 1e-9, at which reghdfe drops a column.
NEARLY_ABSORBED = 3.2e-5
# Norm of a column scaled to one that is left with the columns before it out.
COLLINEAR = 1e-9
# Norm of a column net of earlier ones, over its own, below which cross products do not
# tell its size: it is computed from the rows.
NEARLY_DEPENDENT = 1e-6
# Diagonal of the pivoted triangle of instruments' cross products, scaled to one, below
# which an instrument is a combination of others.
SAME_INSTRUMENT = 1e-11
# Coefficient of a collinear column, scaled to one, on another that is named as part of
# it.
PART_OF = 1e-6
# Norm left of a control with a quadratic curve out, over that of its deviations: it is
# the curve.
HIDDEN_SQUARE = 1e-8
# Difference between a column and the square it should be, over the largest square.
IS_SQUARE = 1e-6
# Smallest over largest eigenvalue of cross products that have digits enough to stand
# for the columns.
WELL_CONDITIONED = 1e-4
# Rounding of a product over what is left of it: above it fewer than six digits are
# left.
LOST_DIGITS = 1e-6
# Difference of two means over the largest value that is rounding: the values are those
# of the fit.
SAME_MEAN = 1e-8
# Variance that two values at the ends have more than a column, over its squared range.
TWO_VALUES = 1e-9
# Mean over standard deviation: below it the column is centred.
ZERO_MEAN = 1e-12
# Smallest divisor: keeps a quotient of zeros finite.
NO_DIVISION = 1e-300
# Largest absolute value of a column, and one over the smallest: variances of slopes
# have its square.
LARGEST_COLUMN = 1e100
# Largest product or ratio of two columns, and largest value where only squares are
# computed.
LARGEST_PRODUCT = 1e120

# --- effects --------------------------------------------------------------------------

# Eigenvalue of the cross products of dummies, scaled by the rows of each level.
#
# Of m effects they lie between 0 and m. Null ones come out as rounding, about 1e-14;
# the least of the others tells how loosely the levels hang together: about 1 / L^2 in a
# chain of L levels, 1 / n where a single row joins a part of n rows to the rest.
REDUNDANT_LEVELS = 1e-10
# Norm of the rest over that of the right-hand side at which conjugate gradients end.
CONVERGED = 1e-14
# The same at the last iteration: above it the effects cannot be taken out.
NOT_CONVERGED = 1e-10
# Curvature of a direction over its square: below it nothing more can be gained along
# it.
NO_CURVATURE = 1e-12
# Change of scaled slopes in a pass over all rows, times the root of the rows: below it
# the regression is solved.
SOLVED = 1e-11
# Rounding of the number of turns of a loop that is written with decimals.
WHOLE_TURN = 1e-9
# Norm of the part of a column in the effects, over its own: below it they are taken
# out.
REMOVED = 1e-11
# Sum of squares after a pass over that before: below it a second pass removes rounding.
DWARFED = 1e-2
# Share of the sum of squares before a pass that is added to the one after it, as size
# of a second one.
SECOND_PASS = 4e-4

# --- covariances and fits -------------------------------------------------------------

# Smallest eigenvalue over the size of its terms below which a covariance has no
# inverse.
SINGULAR = 1e-12
# Negative eigenvalue of the scaled scores' covariance that is more than rounding.
NEGATIVE = 1e-10
# One less the leverage of a row: below it the row is fitted perfectly, whatever its
# outcome.
FULL_LEVERAGE = 1e-10
# Variation of scaled regressors without a cluster, over that with it: below it a slope
# is not identified.
LOST_WITHOUT = 1e-10
# Standard error over the sum of its scores' sizes: below it the scores add up to zero.
NO_VARIANCE = 1e-10
# Norm of the residuals over that of the demeaned columns: below it the fit is perfect.
PERFECT_FIT = 1e-11
# A gamma distribution with a smaller skewness is normal to more digits than the shape
# of the gamma, 4 / skewness^2, leaves.
NO_SKEWNESS = 1e-4
# Least sum of squares, over the null's, where F and LR divide by it: an exact fit
# leaves rounding.
NO_RESIDUALS = 1e-15
# Sum of squares of residuals with their mean out, over that before: below it they are
# constant.
FLAT_RESIDUALS = 1e-14
# Variance of an entity's mean squared residual over its square: below it all its
# squares are equal.
EQUAL_SQUARES = 1e-16
# Sum of a period's residuals over the root of their sum of squares: below it in all
# periods it is zero.
NO_PERIOD_SUMS = 1e-6

# --- likelihoods ----------------------------------------------------------------------

# Change of the deviance in a step over the deviance: below it only rounding is left, if
# the steps of the index do not fall.
SAME_DEVIANCE = 1e-12
# Largest change of the index in a step, over its largest value if that is above one:
# the next step would change it by far less.
SAME_INDEX = 1e-10
# Largest change of the index in a step that raises the deviance by rounding alone.
SMALL_STEP = 1e-6
# Least weight of a row over the largest: keeps means of levels finite.
NO_WEIGHT = 1e-100

# Least mean of a row with outcome zero, over the average mean, that needs no linear
# program to see that the row is not separated.
SEPARATED_MEAN = 1e-7
# Value, at most one, of the combination that separates a row: a smaller one is the
# rounding of a linear program, or grows when other rows have left.
SEPARATED = 1e-5
# Violation of a constraint that the linear program may leave.
LP_FEASIBLE = 1e-9

# --- instruments ----------------------------------------------------------------------

# Canonical correlation of endogenous regressors and instruments that is rounding.
UNRELATED = 1e-9
# Imaginary part of a root over its size that may be the rounding of a real one.
#
# More roots than there are do no harm: the statistic is computed between each two.
REAL_ROOT = 1e-6
# Difference of two roots, in units of one or of their size, that is rounding.
SAME_ROOT = 1e-10

# --- thresholds and kinks -------------------------------------------------------------

# Share of a regime column's sum of squares left after all else: below it its slope is
# not identified.
UNIDENTIFIED = 1e-9
# Squares of clusters' scores over those of their rows: below it they are rounding.
NO_SCORE = 1e-9
# Share left of sums over rows near one another and far from the mean: below it too many
# digits are lost.
KINK_DIGITS = 1e-7
# Difference of two sums of squares, as between candidates with no row in between: the
# lowest is taken.
SAME_SSR = 1e-12
# Fall of the sum of squares in a cycle of the refinement that is rounding, so that the
# cycles end.
NO_FALL = 1e-13
# Least critical value of a kink's set, over the degrees of freedom: draws of rounding
# make no set.
FLAT_DRAWS = 1e-9
# Standard deviation of draws, over the largest of them: equal draws have no density.
EQUAL_DRAWS = 1e-9
# Difference of two regimes' slopes, over the largest: a smaller one has no sign.
SAME_SLOPES = 1e-9
# Rounding of a share times a number of rows, such as .07 * 100, that is a whole number.
WHOLE = 1e-9

# --- tests and draws ------------------------------------------------------------------

# Rounding of 1 - level.
SAME_LEVEL = 1e-12
# Difference of a drawn statistic from the data's, over it: the same data up to sign or
# scale are ties.
SAME_STATISTIC = 1e-10
# Difference of a drawn t from the data's, over it, or itself below one: the data are
# one of the draws.
TIED_DRAWS = 1e-9
# Variation of a column in a draw over that in the sample: below it the column does not
# vary.
LOST_IN_DRAW = 1e-12
# Difference of leave-one-out estimates, over the largest: equal ones have no
# acceleration.
SAME_WITHOUT = 1e-12
# Precision of a quantile of a product of normals, in its standard deviations.
PRODUCT_QUANTILE = 1e-13

# --- indices, ranks and inequality ----------------------------------------------------

# Theil index below which it is a mean of divergences: a difference of large sums loses
# digits.
SMALL_THEIL = 1e-3
# Theil index that may be the rounding of a constant column: a range of rounding alone
# leaves 1e-31.
NO_THEIL = 1e-28
# Drawn mean over that of the sample: below it all that is drawn is zero.
ALL_ZERO = 1e-12
# Gini coefficient that is the rounding of equal values.
EQUAL_VALUES = 1e-14
# Sum of redundancies over the sum of their sizes: below it they leave no weights.
CANCELLED = 1e-12
# Difference from one of a correlation, or of an eigenvalue of correlations, that is
# rounding.
SAME_CORRELATION = 1e-12
# Difference of two scores over the largest: rounding must not break a tie.
SAME_SCORE = 1e-12
# Variance of mean ranks over periods, which are fractions, that is rounding.
SAME_RANKS = 1e-12
# Difference of two weights' changes, over the largest: the first is named.
SAME_CHANGE = 1e-9
# Difference of a sum of shares from one.
SUM_TO_ONE = 1e-9
# Added before a grade is read off, so that the last digits of a product move none.
GRADE = 1e-12
# Difference of weights that papers print from those of a script.
PRINTED_WEIGHTS = 2e-3
# Change of simulated shares between two iterations at which they end.
FIXED_POINT = 1e-10

# --- policy ---------------------------------------------------------------------------

# Change of log odds at which a logit of two periods is exact to rounding.
LAST_STEP_TWO_PERIODS = 1e-12
# Difference of two means, in standard deviations, that is rounding: weights balance
# them.
BALANCED = 1e-11
# Variance of weighted values in some direction, over that of all: below it only units
# at an edge have a weight.
ON_A_PLANE = 1e-10

# Slope of the length of an interval at its minimum, in standard errors.
FLAT_LENGTH = 1e-12
# Width of what holds a break-even bound, over the bound.
SAME_BOUND = 1e-7

# --- spatial --------------------------------------------------------------------------

# Difference of the weights in both directions over the larger that is rounding.
SYMMETRIC = 1e-12
# Distance of an optimum from an end of the interval, over its length, within which it
# is at the end.
AT_THE_END = 1e-8
# Width, over the length of the interval, at which a root of the score is exact to
# rounding.
EXACT_ROOT = 1e-15
# Imaginary part, or size, of an eigenvalue over the largest that is rounding.
REAL_EIGENVALUE = 1e-9
# Difference of a scaled matrix from its transpose, over its largest element, that is
# rounding.
SIMILAR = 1e-12
# Difference of row sums, over the largest, that is rounding.
EQUAL_ROW_SUMS = 1e-12
# Difference of two distances over the larger that is rounding: entities at both are
# equally far.
SAME_DISTANCE = 1e-9
# Difference of two values over the larger that is rounding: weights of one over the
# difference have none.
EQUAL_DIFFERENCE = 1e-12

# --- descriptions ---------------------------------------------------------------------

# Distance of a cumulated share of weights from one half that is rounding.
HALF_WEIGHT = 1e-12
# One less the squared correlation of an instrument with its regressor inside a level:
# below it the instrument is a linear function of it there.
LINEAR_INSIDE = 1e-9
# Difference of two totals over the sum of sizes that is rounding: one column may have
# the means of the other in groups.
SAME_TOTAL = 1e-10
