from digiprosper import (
    datasets as datasets,
    instruments as instruments,
    pathways as pathways,
    plots as plots,
    stata as stata,
    variables as variables,
)
from digiprosper._version import __version__ as __version__
from digiprosper.composite.coupling import (
    CouplingMethod as CouplingMethod,
    coupling_coordination as coupling_coordination,
)
from digiprosper.composite.indicators import (
    Direction as Direction,
    Indicator as Indicator,
    IndicatorSystem as IndicatorSystem,
    overlap_audit as overlap_audit,
)
from digiprosper.composite.kernels.aggregate import Aggregation as Aggregation
from digiprosper.composite.kernels.normalise import Normalisation as Normalisation
from digiprosper.composite.kernels.structure import IndexStructure as IndexStructure
from digiprosper.composite.options import IndexMissing as IndexMissing
from digiprosper.composite.ranking_results import (
    Among as Among,
    IndexSensitivity as IndexSensitivity,
    RankResults as RankResults,
)
from digiprosper.composite.rankings import (
    LeaveOut as LeaveOut,
    audit_weights as audit_weights,
    index_sensitivity as index_sensitivity,
    leave_one_out as leave_one_out,
    rank_probabilities as rank_probabilities,
)
from digiprosper.composite.results import (
    IndexResults as IndexResults,
    WeightErrors as WeightErrors,
)
from digiprosper.composite.scopes import Scope as Scope
from digiprosper.composite.specification import CompositeIndex as CompositeIndex
from digiprosper.composite.weights import (
    Weighting as Weighting,
    critic_weights as critic_weights,
    cv_weights as cv_weights,
    entropy_weights as entropy_weights,
    equal_weights as equal_weights,
    pca_weights as pca_weights,
    std_weights as std_weights,
)
from digiprosper.counts.logit import LogitEffects as LogitEffects
from digiprosper.counts.poisson_effects import PoissonEffects as PoissonEffects
from digiprosper.counts.results import (
    AverageEffects as AverageEffects,
    LogitResults as LogitResults,
    PoissonResults as PoissonResults,
)
from digiprosper.datasets.simulate import Truth as Truth
from digiprosper.dynamic.dynamic_panel import (
    DynamicEstimator as DynamicEstimator,
    DynamicPanel as DynamicPanel,
)
from digiprosper.dynamic.results import DynamicResults as DynamicResults
from digiprosper.errors import (
    AlignmentError as AlignmentError,
    BoundaryThresholdWarning as BoundaryThresholdWarning,
    CollinearityError as CollinearityError,
    ColumnError as ColumnError,
    CovarianceWarning as CovarianceWarning,
    DigiprosperError as DigiprosperError,
    DigiprosperWarning as DigiprosperWarning,
    FewClustersWarning as FewClustersWarning,
    FewDrawsWarning as FewDrawsWarning,
    IdentificationError as IdentificationError,
    IdentificationWarning as IdentificationWarning,
    IndicatorError as IndicatorError,
    IndicatorWarning as IndicatorWarning,
    InputTypeError as InputTypeError,
    MissingDataError as MissingDataError,
    MissingDataWarning as MissingDataWarning,
    NearCollinearWarning as NearCollinearWarning,
    Notice as Notice,
    OptionError as OptionError,
    PanelIndexError as PanelIndexError,
    PickleError as PickleError,
    ScanError as ScanError,
    SingletonWarning as SingletonWarning,
    SmallRegimeWarning as SmallRegimeWarning,
    SpatialWeightsWarning as SpatialWeightsWarning,
    StataError as StataError,
    TermError as TermError,
    ThresholdSearchError as ThresholdSearchError,
)
from digiprosper.inequality.convergence import (
    ConvergenceResults as ConvergenceResults,
    Cuts as Cuts,
    MarkovResult as MarkovResult,
    beta_convergence as beta_convergence,
    markov_transitions as markov_transitions,
    sigma_convergence as sigma_convergence,
)
from digiprosper.inequality.measures import (
    DagumResult as DagumResult,
    TheilDecomposition as TheilDecomposition,
    atkinson as atkinson,
    coefficient_of_variation as coefficient_of_variation,
    dagum as dagum,
    gini as gini,
    relative_deprivation as relative_deprivation,
    theil_decomposition as theil_decomposition,
    theil_l as theil_l,
    theil_t as theil_t,
    urban_rural_theil as urban_rural_theil,
)
from digiprosper.learning.panel_dml import (
    DMLResults as DMLResults,
    LearningTransform as LearningTransform,
    PanelDML as PanelDML,
)
from digiprosper.linear.drawn_tests import (
    WildBootstrapResult as WildBootstrapResult,
    cluster_bootstrap as cluster_bootstrap,
    placebo_test as placebo_test,
    randomisation_test as randomisation_test,
    wild_bootstrap as wild_bootstrap,
)
from digiprosper.linear.fixed_effects import FixedEffects as FixedEffects
from digiprosper.linear.fixed_effects_iv import (
    FixedEffectsIV as FixedEffectsIV,
    IVResults as IVResults,
)
from digiprosper.linear.oster_bound import oster_bound as oster_bound
from digiprosper.linear.poisson import PoissonSsc as PoissonSsc
from digiprosper.linear.preparation import CovType as CovType, Ssc as Ssc
from digiprosper.linear.results import LinearResults as LinearResults
from digiprosper.linear.specification_tests import (
    HausmanMethod as HausmanMethod,
    hausman as hausman,
    modified_wald as modified_wald,
    pesaran_cd as pesaran_cd,
    poolability as poolability,
    reset_test as reset_test,
    vif as vif,
    wooldridge_ar1 as wooldridge_ar1,
)
from digiprosper.mediation.by_entity import (
    MeanGroupResults as MeanGroupResults,
    mean_group_mediation as mean_group_mediation,
    within_between as within_between,
)
from digiprosper.mediation.conditional import JohnsonNeyman as JohnsonNeyman
from digiprosper.mediation.decisions import Decision as Decision
from digiprosper.mediation.mediation import (
    Mediation as Mediation,
    MediationIV as MediationIV,
    MediationIVResults as MediationIVResults,
    MediationStructure as MediationStructure,
    Moderated as Moderated,
    sequential_g as sequential_g,
)
from digiprosper.mediation.results import (
    MediationResults as MediationResults,
    SobelKind as SobelKind,
)
from digiprosper.mediation.sensitivity import (
    MediationSensitivity as MediationSensitivity,
    mediational_e_value as mediational_e_value,
)
from digiprosper.panel import Panel as Panel, PanelScan as PanelScan, Sample as Sample
from digiprosper.policy.bacon import bacon_decomposition as bacon_decomposition
from digiprosper.policy.event_study import EventStudy as EventStudy
from digiprosper.policy.honest import HonestIntervals as HonestIntervals
from digiprosper.policy.matching import match_entities as match_entities
from digiprosper.policy.matching_results import (
    MatchedEffect as MatchedEffect,
    Matching as Matching,
)
from digiprosper.policy.results import (
    EventStudyResults as EventStudyResults,
    PoissonEventStudyResults as PoissonEventStudyResults,
)
from digiprosper.policy.staggered import StaggeredDid as StaggeredDid
from digiprosper.policy.staggered_results import (
    StaggeredDidResults as StaggeredDidResults,
)
from digiprosper.present.style import Below as Below, TableStyle as TableStyle
from digiprosper.present.tables import (
    Table as Table,
    etable as etable,
    save_tables as save_tables,
    stack_tables as stack_tables,
)
from digiprosper.replication.folder import save_replication as save_replication
from digiprosper.report.collection import ResultSet as ResultSet
from digiprosper.report.effects import EffectResults as EffectResults
from digiprosper.report.foreign import foreign as foreign
from digiprosper.report.protocol import (
    Glance as Glance,
    HasDraws as HasDraws,
    Results as Results,
)
from digiprosper.report.results import (
    BaseResults as BaseResults,
    LinearCombination as LinearCombination,
)
from digiprosper.report.tests import TestResult as TestResult
from digiprosper.spatial.moran import (
    geary as geary,
    local_moran as local_moran,
    moran as moran,
)
from digiprosper.spatial.panel_spatial import (
    EffectsError as EffectsError,
    PanelSpatial as PanelSpatial,
    SpatialCovType as SpatialCovType,
    SpatialModel as SpatialModel,
    SpatialTests as SpatialTests,
    Transform as Transform,
    spatial_tests as spatial_tests,
)
from digiprosper.spatial.results import SpatialResults as SpatialResults
from digiprosper.spatial.weights import SpatialWeights as SpatialWeights
from digiprosper.specification import Specification as Specification
from digiprosper.stata.reading import from_stata as from_stata
from digiprosper.stata.writer import to_stata as to_stata
from digiprosper.studies.by_group import (
    ByGroup as ByGroup,
    GroupTest as GroupTest,
    by_group as by_group,
)
from digiprosper.studies.control_set_results import (
    ControlSet as ControlSet,
    ControlSets as ControlSets,
)
from digiprosper.studies.control_sets import control_sets as control_sets
from digiprosper.studies.many import fit_all as fit_all, stepwise as stepwise
from digiprosper.studies.propagation import (
    PropagatedIndex as PropagatedIndex,
    PropagatedResults as PropagatedResults,
)
from digiprosper.studies.search_test import (
    SearchTest as SearchTest,
    search_test as search_test,
)
from digiprosper.threshold.kink_results import KinkResults as KinkResults
from digiprosper.threshold.panel_kink import PanelKink as PanelKink
from digiprosper.threshold.panel_threshold import (
    Confidence as Confidence,
    DfRule as DfRule,
    Grid as Grid,
    PanelThreshold as PanelThreshold,
    Rule as Rule,
    Search as Search,
)
from digiprosper.threshold.results import ThresholdResults as ThresholdResults
from digiprosper.threshold.search import Bootstrap as Bootstrap
from digiprosper.u_shape.moderated import (
    ModeratedUResult as ModeratedUResult,
    moderated_u_test as moderated_u_test,
)
from digiprosper.u_shape.two_lines import (
    TwoLinesResult as TwoLinesResult,
    two_lines as two_lines,
)
from digiprosper.u_shape.two_turns import (
    TwoTurnsResult as TwoTurnsResult,
    two_turns_test as two_turns_test,
)
from digiprosper.u_shape.u_test import (
    UForm as UForm,
    UTestResult as UTestResult,
    u_test as u_test,
)
from digiprosper.unit_roots.unit_root_test import unit_root_test as unit_root_test
