# The models of replicate.py for R with fixest, written from their specifications.
# Run in this folder: Rscript twin_fixest.R
library(fixest)
data <- read.csv("data/panel.csv", check.names = FALSE, na.strings = "",
                 encoding = "UTF-8")
true <- function(x) !is.na(x) & x  # a comparison with a missing value is false
robust <- "hetero"
unadjusted <- "iid"

# Print a model, and how far it is from the numbers of replicate.py.
show <- function(fit, df, estimates, errors) {
  print(summary(fit))  # its degrees of freedom of t may be others than df
  gap <- max(abs(c(coef(fit) - estimates, se(fit) - errors) / errors))
  cat("largest difference from replicate.py, in standard errors:", gap, "\n\n")
  if (gap > 1e-5) warning("The numbers differ from those of replicate.py.")
}

<calls>
