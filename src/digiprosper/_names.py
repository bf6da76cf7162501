"""Public names by the module they are in."""

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
    "counts.poisson_effects": "PoissonEffects PoissonSsc",
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
        "ScanError SingletonWarning SmallRegimeWarning SpatialWeightsWarning TermError "
        "ThresholdSearchError"
    ),
    "inequality.beta_convergence": "ConvergenceResults beta_convergence",
    "inequality.convergence": "Cuts MarkovResult markov_transitions sigma_convergence",
    "inequality.dagum_gini": "DagumResult dagum",
    "inequality.measures": "atkinson coefficient_of_variation gini theil_l theil_t",
    "inequality.theil_groups": (
        "TheilDecomposition theil_decomposition urban_rural_theil"
    ),
    "linear.cluster_bootstrap": "cluster_bootstrap",
    "linear.fixed_effects": "FixedEffects",
    "linear.fixed_effects_iv": "FixedEffectsIV",
    "linear.hausman": "HausmanMethod hausman",
    "linear.iv_results": "IVResults",
    "linear.oster_bound": "oster_bound",
    "linear.placebo_test": "placebo_test",
    "linear.preparation": "CovType Ssc",
    "linear.randomisation_test": "randomisation_test",
    "linear.residual_tests": "modified_wald pesaran_cd wooldridge_ar1",
    "linear.results": "LinearResults",
    "linear.specification_tests": "poolability reset_test",
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
    "policy.event_study": "EventStudy",
    "policy.honest": "HonestIntervals",
    "policy.matching": "match_entities",
    "policy.matching_results": "MatchedEffect Matching",
    "policy.results": "EventStudyResults",
    "policy.staggered": "StaggeredDid",
    "policy.staggered_results": "StaggeredDidResults",
    "present.style": "Below TableStyle",
    "present.stacking": "stack_tables",
    "present.tables": "Table etable save_tables",
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
    "studies.by_group": "ByGroup GroupTest by_group",
    "studies.control_set_results": "ControlSet ControlSets",
    "studies.control_sets": "control_sets",
    "studies.many": "fit_all stepwise",
    "studies.propagation": "PropagatedIndex PropagatedResults",
    "studies.search_results": "SearchTest",
    "studies.search_test": "search_test",
    "threshold.panel_kink": "PanelKink",
    "threshold.panel_threshold": "Confidence DfRule Grid PanelThreshold Rule Search",
    "threshold.search": "Bootstrap",
    "threshold.kink_results": "KinkResults",
    "threshold.results": "ThresholdResults",
    "u_shape.moderated": "ModeratedUResult moderated_u_test",
    "u_shape.two_lines": "TwoLinesResult two_lines",
    "u_shape.u_test": "UForm UTestResult u_test",
    "unit_roots.unit_root_test": "unit_root_test",
}
