# The models of replicate.py for R with plm, written from their specifications.
# Run in this folder: Rscript twin.R
suppressPackageStartupMessages({library(plm); library(lmtest)})
data <- read.csv("data/panel.csv", check.names = FALSE, na.strings = "",
                 encoding = "UTF-8")
true <- function(x) !is.na(x) & x  # a comparison with a missing value is false
data$.entity <- data[["<entity>"]]
data$.time <- data[["<time>"]]
panel <- pdata.frame(data, index = c(".entity", ".time"))

# Standard errors clustered by entity or time, with the correction of reghdfe and
# fixest: effects inside the clusters are not counted.
clustered <- function(fit, by = "group") {
  sizes <- c(group = pdim(fit)$nT$n, time = pdim(fit)$nT$T)
  effect <- if (fit$args$model == "pooling") "none" else fit$args$effect
  absorbs <- c(group = effect %in% c("twoways", "individual"),
               time = effect %in% c("twoways", "time"))
  n <- nobs(fit)
  counted <- n - df.residual(fit) + absorbs[[by]] * (1 - sizes[[by]])
  vcovHC(fit, method = "arellano", type = "HC0", cluster = by) *
    sizes[[by]] / (sizes[[by]] - 1) * (n - 1) / (n - counted)
}
robust <- function(fit, by) {
  vcovHC(fit, method = "white1", type = "HC0") * nobs(fit) / df.residual(fit)
}
unadjusted <- function(fit, by) vcov(fit)

# Print a model, and how far it is from the numbers of replicate.py.
show <- function(fit, vcov, df, estimates, errors) {
  print(formula(fit))
  cat(nobs(fit), "rows\n")
  print(coeftest(fit, vcov = vcov, df = df))
  gap <- max(abs(c(coef(fit) - estimates, sqrt(diag(vcov)) - errors) / errors))
  cat("largest difference from replicate.py, in standard errors:", gap, "\n\n")
  if (gap > 1e-6) stop("The numbers differ from those of replicate.py.")
}

<calls>
