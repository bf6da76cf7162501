"""Where each public name is, and what to write for names of other packages."""

import ast
from pathlib import Path

# Type checkers read the names there too (SPEC 1 of Scientific Python).
_STUB = Path(__file__).with_name("__init__.pyi").read_text(encoding="utf-8")
MODULES = {
    alias.name: str(node.module)
    for node in ast.parse(_STUB).body
    if isinstance(node, ast.ImportFrom)
    for alias in node.names
}
"""The module of each public name, and the package itself of modules."""

# Names in other packages, and what to write here, by what has the name. Advice begins
# with "dp." or ".", or with a name of the object, without which it is passed over.
# Misspelt names need no row.
INSTEAD = {
    "digiprosper": {
        "feols reghdfe xtreg areg panelols plm felm lm ols wls twfe regress": (
            "dp.FixedEffects(y, [x]).fit(panel), or "
            "dp.FixedEffects.from_formula('y ~ x | id + year').fit(panel)"
        ),
        "randomeffects betweenols famamacbeth": (
            "dp.etable([fit]) of a fit of linearmodels"
        ),
        "pooledols pooling": (
            "dp.FixedEffects(y, [x], entity_effects=False, time_effects=False)"
        ),
        "firstdifferenceols": (
            "dp.FixedEffects('diff(y)', ['diff(x)'], entity_effects=False, "
            "time_effects=False)"
        ),
        "iv2sls ivgmm ivreg ivreg2 ivreghdfe ivregress xtivreg iv tsls": (
            "dp.FixedEffectsIV(y, [x], [endogenous], [instrument]).fit(panel)"
        ),
        "fepois poisson ppmlhdfe ppml xtpoisson glm": (
            "dp.PoissonEffects(y, [x]).fit(panel)"
        ),
        "feglm logit probit xtlogit": "dp.LogitEffects(y, [x]).fit(panel)",
        "xtabond xtabond2 gmm pgmm differencegmm abond": (
            "dp.DynamicPanel(y, [x]).fit(panel)"
        ),
        "systemgmm system_gmm xtdpdsys xtdpdgmm": (
            "dp.DynamicPanel(y, [x], estimator='system').fit(panel)"
        ),
        "did csdid att_gt attgt callawaysantanna": (
            "dp.StaggeredDid(y, event).fit(panel)"
        ),
        "did2s did_imputation imputationdid": (
            "dp.StaggeredDid(y, event, estimator='imputation')"
        ),
        "sunab sunabraham": "dp.StaggeredDid(y, event, estimator='sun_abraham')",
        "differenceindifferences": "dp.FixedEffects.from_formula('y ~ group*post')",
        "aggte": "dp.StaggeredDid(y, event).fit(panel).aggregate('simple')",
        "event_study": "dp.EventStudy(y, event).fit(panel)",
        "honest_did honestdid": "dp.EventStudy(y, event).fit(panel).honest()",
        "psm psmdid psm_did psmatch2 matchit": "dp.match_entities(panel, treated, x)",
        "xthreg threshold": "dp.PanelThreshold(y, [x], threshold_variable).fit(panel)",
        "sgmediation sgmediation2 process": (
            "dp.Mediation(y, treatment, [mediator], [x]).fit(panel)"
        ),
        "utest": "dp.u_test(fit, 'x')",
        "xsmle sdm spatialdurbin panelsdm": (
            "dp.PanelSpatial(y, [x], spatial_weights).fit(panel)"
        ),
        "sar ml_lag ml_lagfe panel_fe_lag": (
            "dp.PanelSpatial(y, [x], spatial_weights, model='sar')"
        ),
        "sem ml_error ml_errorfe panel_fe_error": (
            "dp.PanelSpatial(y, [x], spatial_weights, model='sem')"
        ),
        "entropyweights entropyweight entropyindex entropy critic topsis": (
            "dp.CompositeIndex(system, weighting='entropy').fit(panel)"
        ),
        "boottest wildboottest": "dp.wild_bootstrap(spec, panel, 'x')",
        "ritest": "dp.randomisation_test(spec, panel, 'x')",
        "read_csv from_csv dataframe": (
            "dp.Panel(pandas.read_csv(path), entity='id', time='year')"
        ),
        "read_excel": "dp.Panel.from_excel(path, entity='id')",
        "summary esttab outreg2 summary_col modelsummary stargazer texreg compare": (
            "dp.etable([fit])"
        ),
        "phtest": "dp.hausman(spec, panel, method='classical')",
        "pftest": "dp.poolability(spec, panel)",
        "pcdtest": "dp.pesaran_cd(fit)",
        "pwartest": "dp.wooldridge_ar1(spec, panel)",
        "purtest cipstest": "dp.unit_root_test(panel, y)",
        "coeftest vcovhc vcovcl": (
            "dp.FixedEffects(y, [x], cov_type='clustered', clusters='id')"
        ),
        "pdata_frame pdataframe": "dp.Panel(df, entity='id', time='year')",
        "coefplot iplot plot": "dp.plots.coefficients(fit)",
        "tobit xttobit quantreg qreg quantile_regression quantileregression mixedlm": (
            "dp.etable([fit]) of a fit of statsmodels or pyfixest"
        ),
        "read_do_file run_do_file": "dp.stata.run_do_file(path, data)",
    },
    "result": {
        "bse se std_err stderr standard_errors": "std_errors['x']",
        "coef coefs coef_ coefs_ beta betas estimate": "params['x']",
        "p": "pvalues['x']",
        "tvalues": "tstats['x']",
        "vcov cov_params": "cov",
        "r2 r_squared rsquared_inclusive": "rsquared",
        "rsquared_between rsquared_overall": (
            "rsquared_within, or rsquared; others are not here"
        ),
        "r2_adj adj_r2 adjusted_r2": "rsquared_adj",
        "r2_within rsquared_inner": "rsquared_within",
        "fvalue": "f_statistic",
        "n n_obs": "nobs",
        "f_test t_test test": "wald_test('x = z'), or combination('x + z')",
        "lincom nlcom": "combination('x + z')",
        "margins margeff get_margeff": "marginal_effect('x')",
        "get_margeff margins margeff marginal_effects": "average_effects()",
        "ar ar1 ar2 m1 m2": "ar_tests.loc[2, 'p_value']",
        "hansen_p hansen_pvalue hansen_j j_stat": "hansen.p_value",
        "matched matched_data matched_panel": "weights, for panel.attach(...)",
        "summary2 coef_table coeftable": "tidy(), or summary()",
        "fixef ranef estimated_effects": "effects",
        "plot": "dp.plots",
        "f_pooled": "dp.poolability(spec, panel)",
        "wildboottest": "dp.wild_bootstrap(spec, panel, 'x')",
        "get_robustcov_results": "dp.FixedEffects(y, [x], cov_type='robust')",
        "att": "aggregate('simple')",
        "gamma threshold": "thresholds['estimate']",
        "turning_point": "extremum",
        "verdict": "supported",
        "first_stage_f": "iv_tests['effective_f']",
        "to_latex as_latex to_excel to_csv": (
            "dp.etable([fit]).save('table.tex'), or .xlsx, .csv"
        ),
        "llf": "log_likelihood",
    },
    "panel": {
        "df data to_frame to_dataframe to_pandas": "frame",
        "query filter loc": "subset('year >= 2015')",
        "merge join": "attach(data)",
        "shift": "lag('x')",
        "groupby mean to_csv shape drop sort_values fillna": (
            "frame, a DataFrame with the keys in its index"
        ),
    },
    "table": {
        "to_word to_docx": "save('table.docx')",
        "to_latex as_latex to_excel to_html to_csv": (
            "save('table.tex'), or .xlsx, .html, .csv"
        ),
    },
    "argument": {
        "vce": "clusters='id'",
        "fe fixed_effects effects fixef effect": (
            "entity_effects=True, time_effects=True, absorb=[...]"
        ),
        "entity_fe unit_fe individual_effects": "entity_effects=True",
        "time_fe year_fe": "time_effects=True",
        "control controls covariates exog regressors": "x=[...]",
        "outcome depvar dependent yname": "y",
        "xformla": "x=[...]",
        "subset if_ filter": "where='year >= 2015'",
        "split fsplit": "dp.by_group(spec, panel, 'region')",
        "control_group": "control",
        "est_method": "adjustment",
        "clustervars": "clusters='id'",
        "vcov se se_type robust": "cov_type='clustered'",
        "drop_absorbed": "collinear='drop'",
        "fixef_rm": "singletons='keep'",
        "weights weightsname": "obs_weights",
        "m mediator": "mediators",
        "treat treated d": "treatment",
        "gname first_treat cohort treat treated treatment": "event",
        "threshold q": "threshold_variable",
        "method": "estimator",
        "method weights": "weighting",
        "type": "aggregate",
        "method type": "model",
        "window leads": "before",
        "lags": "after",
        "w": "spatial_weights",
        "b n_boot nboot n_bootstrap n_bootstraps bootstrap boot n_reps n_draws": "reps",
        "gmm gmmstyle gmm_instruments": "endogenous=[...], or predetermined=[...]",
        "ivstyle iv": "instruments=[...]",
        "maxlag maxlags maxldep lag_limits laglimits": "instrument_lags=(2, 3)",
        "twostep two_step onestep": "steps",
        "model ml model_y model_d model_t ml_l ml_m ml_g": (
            "learners={'lasso': LassoCV()}"
        ),
        "trend trends entity_trends": "absorb=['id[year]']",
        "x": "controls",
        "data df panel": "dp.Panel(df, entity='id', time='year'), then .fit(panel)",
        "entity time id index panel_id idname tname": (
            "dp.Panel(df, entity='id', time='year')"
        ),
        "formula fml": "dp.FixedEffects.from_formula('y ~ x | id + year')",
        "seed random_state rng": ".fit(panel, rng=1)",
    },
    "word": {
        "hc1 hetero": "robust",
        "crv1": "clustered",
        "iid nonrobust homoskedastic": "unadjusted",
        "hac newey_west neweywest newey-west kernel nw dk driscoll-kraay pcse": (
            "driscoll_kraay; that of other programs is xtscc"
        ),
        "arellano": "clustered",
        "fixest": "reghdfe",
        "sss": "plm",
        "hc0": "none",
        "hc0 white": "robust, and ssc='none'",
        "cs csdid": "callaway_santanna",
        "nevertreated": "never",
        "notyettreated": "not_yet",
        "did2s gardner bjs": "imputation",
        "dr": "doubly_robust",
        "sunab": "sun_abraham",
        "gmm": "difference",
        "durbin": "sdm",
        "lag": "sar",
        "error": "sem",
    },
}
