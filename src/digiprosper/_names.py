"""Public names by the module they are in, and what replaces names of others."""

from __future__ import annotations

NAMES = {
    "composite.audits": "audit_weights overlap_audit",
    "composite.coupling": "CouplingMethod coupling_coordination",
    "composite.indicators": "Direction Indicator IndicatorSystem",
    "composite.kernels.aggregate": "Aggregation",
    "composite.kernels.normalise": "Normalisation",
    "composite.kernels.structure": "IndexStructure",
    "composite.options": "IndexMissing",
    "composite.ranking_results": "Among IndexSensitivity RankResults",
    "composite.rankings": "LeaveOut index_sensitivity leave_one_out rank_probabilities",
    "composite.results": "IndexResults WeightErrors",
    "composite.scopes": "Scope",
    "composite.specification": "CompositeIndex",
    "composite.weights": (
        "Weighting critic_weights cv_weights entropy_weights equal_weights "
        "pca_weights std_weights"
    ),
    "counts.logit": "LogitEffects",
    "counts.logit_results": "AverageEffects LogitResults",
    "counts.poisson_effects": "PoissonEffects",
    "counts.results": "PoissonResults",
    "datasets.simulate": "Truth",
    "dynamic.dynamic_panel": "DynamicEstimator DynamicPanel",
    "dynamic.results": "DynamicResults",
    "errors": (
        "AlignmentError BoundaryThresholdWarning CollinearityError ColumnError "
        "CovarianceWarning DigiprosperError DigiprosperWarning FewClustersWarning "
        "FewDrawsWarning IdentificationError IdentificationWarning IndicatorError "
        "IndicatorWarning InputTypeError MissingDataError MissingDataWarning "
        "NearCollinearWarning Notice OptionError PanelIndexError PickleError "
        "ScanError SingletonWarning SmallRegimeWarning SpatialWeightsWarning "
        "StataError TermError ThresholdSearchError"
    ),
    "inequality.convergence": (
        "ConvergenceResults Cuts MarkovResult beta_convergence markov_transitions "
        "sigma_convergence"
    ),
    "inequality.measures": (
        "DagumResult TheilDecomposition atkinson coefficient_of_variation dagum gini "
        "relative_deprivation theil_decomposition theil_l theil_t urban_rural_theil"
    ),
    "learning.panel_dml": "LearningTransform PanelDML",
    "learning.results": "DMLResults",
    "linear.cluster_bootstrap": "cluster_bootstrap",
    "linear.fixed_effects": "FixedEffects",
    "linear.fixed_effects_iv": "FixedEffectsIV",
    "linear.hausman": "HausmanMethod hausman",
    "linear.iv_results": "IVResults",
    "linear.oster_bound": "oster_bound",
    "linear.poisson": "PoissonSsc",
    "linear.preparation": "CovType Ssc",
    "linear.randomisation_test": "placebo_test randomisation_test",
    "linear.results": "LinearResults",
    "linear.specification_tests": (
        "modified_wald pesaran_cd poolability reset_test wooldridge_ar1"
    ),
    "linear.vif": "vif",
    "linear.wild_bootstrap": "WildBootstrapResult wild_bootstrap",
    "mediation.by_entity": "MeanGroupResults mean_group_mediation within_between",
    "mediation.conditional": "JohnsonNeyman",
    "mediation.decisions": "Decision",
    "mediation.mediation": "Mediation MediationStructure Moderated",
    "mediation.mediation_iv": "MediationIV MediationIVResults",
    "mediation.results": "MediationResults SobelKind",
    "mediation.sensitivity": "MediationSensitivity mediational_e_value",
    "mediation.sequential_g": "sequential_g",
    "panel": "Panel PanelScan Sample",
    "policy.bacon": "bacon_decomposition",
    "policy.count_results": "PoissonEventStudyResults",
    "policy.event_study": "EventStudy",
    "policy.honest": "HonestIntervals",
    "policy.matching": "match_entities",
    "policy.matching_results": "MatchedEffect Matching",
    "policy.results": "EventStudyResults",
    "policy.staggered": "StaggeredDid",
    "policy.staggered_results": "StaggeredDidResults",
    "present.style": "Below TableStyle",
    "present.tables": "Table etable save_tables stack_tables",
    "replication.folder": "save_replication",
    "report.collection": "ResultSet",
    "report.effects": "EffectResults",
    "report.foreign": "foreign",
    "report.protocol": "Glance HasDraws Results",
    "report.results": "BaseResults LinearCombination",
    "report.tests": "TestResult",
    "spatial.moran": "geary local_moran moran",
    "spatial.panel_spatial": (
        "EffectsError PanelSpatial SpatialCovType SpatialModel Transform"
    ),
    "spatial.results": "SpatialResults",
    "spatial.tests_table": "SpatialTests spatial_tests",
    "spatial.weights": "SpatialWeights",
    "specification": "Specification",
    "stata.reading": "from_stata",
    "stata.writer": "to_stata",
    "studies.by_group": "ByGroup GroupTest by_group",
    "studies.control_set_results": "ControlSet ControlSets",
    "studies.control_sets": "control_sets",
    "studies.many": "fit_all stepwise",
    "studies.propagation": "PropagatedIndex PropagatedResults",
    "studies.search_results": "SearchTest",
    "studies.search_test": "search_test",
    "threshold.kink_results": "KinkResults",
    "threshold.panel_kink": "PanelKink",
    "threshold.panel_threshold": "Confidence DfRule Grid PanelThreshold Rule Search",
    "threshold.results": "ThresholdResults",
    "threshold.search": "Bootstrap",
    "u_shape.moderated": "ModeratedUResult moderated_u_test",
    "u_shape.two_lines": "TwoLinesResult two_lines",
    "u_shape.two_turns": "TwoTurnsResult two_turns_test",
    "u_shape.u_test": "UForm UTestResult u_test",
    "unit_roots.unit_root_test": "unit_root_test",
}


# Names in other packages, and what to write here, by what has the name. Advice begins
# with "dp." or ".", or with a name of the object, without which it is passed over.
# Misspelt names need no row.
INSTEAD = {
    "digiprosper": {
        "feols reghdfe xtreg areg panelols plm felm ols wls twfe regress": (
            "dp.FixedEffects(y, [x]).fit(panel), or "
            "dp.FixedEffects.from_formula('y ~ x | id + year').fit(panel)"
        ),
        "randomeffects pooledols betweenols": (
            "dp.etable([fit]) of a fit of linearmodels"
        ),
        "iv2sls ivgmm ivreg ivreg2 ivreghdfe ivregress xtivreg iv tsls": (
            "dp.FixedEffectsIV(y, [x], [endogenous], [instrument]).fit(panel)"
        ),
        "fepois poisson ppmlhdfe ppml xtpoisson glm": (
            "dp.PoissonEffects(y, [x]).fit(panel)"
        ),
        "feglm logit probit xtlogit": "dp.LogitEffects(y, [x]).fit(panel)",
        "xtabond xtabond2 gmm pgmm": "dp.DynamicPanel(y, [x]).fit(panel)",
        "did csdid att_gt attgt did2s did_imputation sunab callawaysantanna": (
            "dp.StaggeredDid(y, event).fit(panel)"
        ),
        "event_study": "dp.EventStudy(y, event).fit(panel)",
        "psm psmatch2 matchit": "dp.match_entities(panel, treated, x)",
        "xthreg threshold": "dp.PanelThreshold(y, [x], threshold_variable).fit(panel)",
        "sgmediation sgmediation2 process": (
            "dp.Mediation(y, treatment, [mediator], [x]).fit(panel)"
        ),
        "utest": "dp.u_test(fit, 'x')",
        "xsmle sar sem sdm": "dp.PanelSpatial(y, [x], spatial_weights).fit(panel)",
        "entropyweights entropyweight entropy critic topsis": (
            "dp.CompositeIndex(system, weighting='entropy').fit(panel)"
        ),
        "boottest wildboottest": "dp.wild_bootstrap(spec, panel, 'x')",
        "read_csv from_csv dataframe": (
            "dp.Panel(pandas.read_csv(path), entity='id', time='year')"
        ),
        "read_excel": "dp.Panel.from_excel(path, entity='id')",
        "summary esttab outreg2 summary_col": "dp.etable([fit])",
        "coefplot iplot plot": "dp.plots.coefficients(fit)",
        "read_do_file run_do_file": "dp.stata.run_do_file(path, data)",
    },
    "result": {
        "bse se std_err stderr standard_errors": "std_errors['x']",
        "coef coefs beta betas estimate": "params['x']",
        "p": "pvalues['x']",
        "tvalues": "tstats['x']",
        "vcov cov_params": "cov",
        "r2 r_squared": "rsquared",
        "r2_within rsquared_inner": "rsquared_within",
        "fvalue": "f_statistic",
        "n n_obs": "nobs",
        "f_test t_test": "wald_test('x = z'), or combination('x + z')",
        "summary2 coef_table": "tidy(), or summary()",
        "plot": "dp.plots",
        "att": "aggregate('simple')",
        "gamma threshold": "thresholds['estimate']",
        "turning_point": "extremum",
        "verdict": "supported",
        "first_stage_f": "iv_tests['effective_f']",
        "to_latex to_excel to_csv as_latex": "dp.etable([fit]).save('table.docx')",
        "aic bic llf": ".glance()",
    },
    "panel": {
        "df data to_frame": "frame",
        "query filter loc": "subset('year >= 2015')",
        "merge join": "attach(data)",
        "groupby mean to_csv": "frame, a DataFrame with the keys in its index",
    },
    "table": {"to_latex to_word to_docx to_excel to_html": "save('table.docx')"},
    "argument": {
        "vce": "clusters='id'",
        "fe fixed_effects effects": (
            "entity_effects=True, time_effects=True, absorb=[...]"
        ),
        "entity_fe unit_fe individual_effects": "entity_effects=True",
        "time_fe year_fe": "time_effects=True",
        "control controls covariates exog regressors": "x=[...]",
        "outcome depvar dependent": "y",
        "vcov se se_type robust": "cov_type='clustered'",
        "weights": "obs_weights",
        "m mediator": "mediators",
        "treat treated d": "treatment",
        "gname first_treat cohort treat treated treatment": "event",
        "threshold q": "threshold_variable",
        "method": "estimator",
        "method weights": "weighting",
        "method type": "model",
        "leads": "before",
        "lags": "after",
        "w": "spatial_weights",
        "b n_boot nboot bootstrap boot": "reps",
        "x": "controls",
        "data df panel": "dp.Panel(df, entity='id', time='year'), then .fit(panel)",
        "entity time id": "dp.Panel(df, entity='id', time='year')",
        "formula fml": "dp.FixedEffects.from_formula('y ~ x | id + year')",
        "seed random_state rng": ".fit(panel, rng=1)",
    },
    "word": {
        "hc1 hetero": "robust",
        "crv1": "clustered",
        "iid nonrobust homoskedastic": "unadjusted",
        "hac newey_west kernel": "driscoll_kraay",
        "cs csdid": "callaway_santanna",
        "nevertreated": "never",
        "did2s bjs": "imputation",
        "sunab": "sun_abraham",
        "gmm": "difference",
        "durbin": "sdm",
    },
}
