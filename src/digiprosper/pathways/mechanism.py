"""A proposition: its variables, form and sign."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, fields, replace
from itertools import product
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

from digiprosper.errors import InputTypeError, OptionError, check_option, cited, option_problem, quoted
from digiprosper.report.pickling import PickledByName

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Shape: TypeAlias = Literal[
    "linear", "mediated", "moderated", "threshold", "U", "U-mediated", "U-moderated", "coupled", "spatial"
]
Sign: TypeAlias = Literal["+", "-", "-/+", "+/-", "shift"]
Testable: TypeAlias = Literal["yes", "proxy", "no"]
Impact: TypeAlias = Literal["total", "direct", "indirect"]

_ONE: Final = ("+", "-")
_TURNING: Final = ("-/+", "+/-")
_SIGNS: Final[dict[str, tuple[str, ...]]] = {
    "linear": _ONE,
    "mediated": _ONE,
    "moderated": _ONE,
    "threshold": _ONE,
    "U": _TURNING,
    "U-mediated": _TURNING,
    "U-moderated": ("shift",),
    "coupled": _ONE,
    "spatial": _ONE,
}
_WITH_CHANNELS: Final = ("mediated", "U-mediated")
_WITH_MODERATOR: Final = ("moderated", "threshold", "U-moderated")
_PATH_SIGNS: Final = ("", "++", "+-", "-+", "--")
_STAGES: Final = ("", "cake", "division", "constraint", "policy")


@dataclass(frozen=True, slots=True)
class Mechanism(PickledByName):
    """One proposition about a mechanism, with all that is needed to test it.

    The variables are roles, such as ``"de"``. The argument `columns` of `evaluate` maps roles to columns of a
    panel. Several causes, outcomes or moderators are one text, separated by ``;``.

    Parameters
    ----------
    id : str
        Short unique name, such as ``"P05"``.
    claim : str
        The proposition in one sentence.
    source : str
        Source of the proposition.
    cause : str
        Role of the explanatory variable. Several causes are tested separately.
    channels : sequence of str, or str
        Roles of the mediators, which are in one model. With shape ``"threshold"`` their indirect effects are
        compared between regimes.
    outcome : str
        Role of the outcome. Several outcomes are tested separately, on the same rows.
    sign : {"+", "-", "-/+", "+/-", "shift"}
        Claimed sign of the estimate; see Notes.
    shape : str
        Form of the relation, which determines the model; see Notes.
    moderator : str
        Role of the moderator or the threshold variable.
    claim_zh : str
        The claim in Chinese.
    test : str
        Description of the test.
    testable : {"yes", "proxy", "no"}
        ``"proxy"`` if a variable is measured by a proxy. ``"no"`` if it needs data of another type; the
        verdict is then "not testable" for any columns. ``dataclasses.replace(mechanism, testable="yes")``
        changes this.
    path_signs : str
        For shape ``"mediated"``: claimed signs of both paths, such as ``"+-"`` if the cause increases the
        mediator and the mediator decreases the outcome. Empty if only the sign of the indirect effect is
        claimed.
    design : {"", "staggered"}
        For shape ``"linear"``: ``"staggered"`` if the cause is a policy that entities adopt at different
        times.
    impact : {"total", "direct", "indirect"}
        For shape ``"spatial"``: effect whose sign is claimed. Indirect effects are spillovers.
    stand_in : str
        Role that is measured by a proxy, if `testable` is ``"proxy"``.
    needs, needs_zh : str
        Data that a test would need, in English and Chinese.
    stage : {"", "cake", "division", "constraint", "policy"}
        Stage in the figure of pathways; one per outcome if they differ.
    section, where : str
        Place in the source.

    Raises
    ------
    InputTypeError
        If a field is not text.
    OptionError
        If an option has an unknown value, if the sign is not possible for the shape, or if the roles do not
        fit the shape.

    Notes
    -----
    The estimate whose sign is claimed, and its model, are:

    ===============  ==========================================================  ======================
    shape            estimate                                                    model
    ===============  ==========================================================  ======================
    ``linear``       slope of the cause                                          `FixedEffects`
    ``mediated``     indirect effect of every channel                            `Mediation`
    ``moderated``    interaction of cause and moderator                          `FixedEffects`
    ``threshold``    change of the slope where the moderator passes a threshold  `PanelThreshold`
    ``U``            slopes at the least and the largest value of the cause      `u_test`
    ``U-mediated``   indirect effects at these values                            `Mediation`, quadratic
    ``U-moderated``  shift of the turning point (no direction is claimed)        `moderated_u_test`
    ``coupled``      slope of the outcome on the cause; its direction is not     `FixedEffects`
                     identified
    ``spatial``      total effect, or that of `impact`                           `PanelSpatial`
    ===============  ==========================================================  ======================

    Examples
    --------
    >>> from digiprosper import pathways
    >>> mechanism = pathways.Mechanism(
    ...     "P05", "Upgrading carries the digital economy to common prosperity", cause="de",
    ...     channels=("isu",), outcome="cp", sign="+", shape="mediated")
    >>> mechanism.roles
    ('de', 'isu', 'cp')
    """

    id: str
    claim: str
    _: KW_ONLY
    cause: str
    outcome: str
    sign: Sign
    shape: Shape
    channels: Sequence[str] = ()
    moderator: str = ""
    source: str = ""
    claim_zh: str = ""
    test: str = ""
    testable: Testable = "yes"
    path_signs: str = ""
    design: Literal["", "staggered"] = ""
    impact: Impact = "total"
    stand_in: str = ""
    needs: str = ""
    needs_zh: str = ""
    stage: str = ""
    section: str = ""
    where: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", self._as_channels())
        for item in fields(self):
            if item.name != "channels":
                self._check_text(item.name)
        for name in ("id", "claim", "cause", "outcome"):
            if not getattr(self, name).strip():
                raise self._problem(name, f"{name} is empty")
        self._check_words()
        self._check_roles()

    @property
    def causes(self) -> tuple[str, ...]:
        """Roles of the causes."""
        return split_roles(self.cause)

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Roles of the outcomes."""
        return split_roles(self.outcome)

    @property
    def moderators(self) -> tuple[str, ...]:
        """Roles of the moderators."""
        return split_roles(self.moderator)

    @property
    def roles(self) -> tuple[str, ...]:
        """All distinct roles: causes, channels, outcomes, moderators."""
        named = (*self.causes, *self.channels, *self.outcomes, *self.moderators)
        return tuple(dict.fromkeys(named))

    def split(self) -> tuple[Mechanism, ...]:
        """Return one mechanism for each cause and outcome.

        Returns
        -------
        tuple of Mechanism
            The mechanism itself if there is one cause and one outcome. Otherwise one for each pair, with ids
            such as ``"P08:cp_growth"``.
        """
        causes, outcomes = self.causes, self.outcomes
        if len(causes) == 1 and len(outcomes) == 1:
            return (self,)
        stages = split_roles(self.stage)
        stage_of = dict(zip(outcomes, stages, strict=True)) if len(stages) == len(outcomes) else {}
        return tuple(
            replace(
                self,
                id=":".join([self.id, *[cause] * (len(causes) > 1), *[outcome] * (len(outcomes) > 1)]),
                cause=cause,
                outcome=outcome,
                stage=stage_of.get(outcome, self.stage),
            )
            for cause, outcome in product(causes, outcomes)
        )

    # --- checks -------------------------------------------------------------------------------------------

    def _as_channels(self) -> tuple[str, ...]:
        """Read the channels, given as a list or as one text."""
        channels: Any = self.channels
        if isinstance(channels, str):
            return split_roles(channels)
        if not isinstance(channels, list | tuple) or not all(isinstance(name, str) for name in channels):
            raise InputTypeError(
                f"Mechanism {cited(self.id)}: channels must be a list of roles (text), not "
                f"{cited(channels)}.",
                [option_problem("channels", channels)],
            )
        return tuple(channels)

    def _check_text(self, name: str) -> None:
        value = getattr(self, name)
        if not isinstance(value, str):
            raise InputTypeError(
                f"Mechanism {cited(self.id)}: {name} must be text, not {cited(value)}.",
                [option_problem(name, value)],
            )

    def _check_words(self) -> None:
        check_option("shape", self.shape, get_args(Shape))
        check_option("testable", self.testable, get_args(Testable))
        check_option("path_signs", self.path_signs, _PATH_SIGNS)
        check_option("design", self.design, ("", "staggered"))
        check_option("impact", self.impact, get_args(Impact))
        for stage in split_roles(self.stage):
            check_option("stage", stage, _STAGES)
        if self.sign not in _SIGNS[self.shape]:
            raise self._problem(
                "sign",
                f"sign={cited(self.sign)} does not suit shape={cited(self.shape)}, which takes "
                f"{quoted(_SIGNS[self.shape])}",
            )

    def _check_roles(self) -> None:
        """Check that the shape has the roles it needs, and none that it does not use."""
        shape = f"shape={cited(self.shape)}"
        with_channels = self.shape in _WITH_CHANNELS
        if with_channels and not self.channels:
            raise self._problem("channels", f"{shape} needs channels")
        if self.channels and not with_channels and self.shape != "threshold":
            raise self._problem("channels", f"{shape} takes no channels")
        if bool(self.moderators) != (self.shape in _WITH_MODERATOR):
            verb = "takes no" if self.moderators else "needs a"
            raise self._problem("moderator", f"{shape} {verb} moderator")
        if self.shape == "threshold" and len(self.moderators) > 1:
            raise self._problem("moderator", f"{shape} takes one threshold variable")
        self._refuse_unused(shape)
        self._refuse_repeats()

    def _refuse_unused(self, shape: str) -> None:
        """Refuse options that belong to another shape."""
        unused = {
            "path_signs": bool(self.path_signs) and self.shape != "mediated",
            "design": bool(self.design) and self.shape != "linear",
            "impact": self.impact != "total" and self.shape != "spatial",
        }
        for name, wrong in unused.items():
            if wrong:
                raise self._problem(name, f"{shape} takes no {name}")
        signs = {"": "", "++": "+", "--": "+", "+-": "-", "-+": "-"}[self.path_signs]
        if signs and signs != self.sign:
            raise self._problem(
                "path_signs",
                f"path_signs={cited(self.path_signs)} make an indirect effect with the sign {signs}, but "
                f"sign={cited(self.sign)}",
            )

    def _refuse_repeats(self) -> None:
        """Refuse a role that stands in two places, except a cause as its own threshold variable."""
        several = [self.causes, self.channels, self.outcomes, self.moderators]
        if self.shape == "threshold" and self.moderator == self.cause:
            several.pop()
        named = [role for roles in several for role in roles]
        twice = sorted({role for role in named if named.count(role) > 1})
        if twice:
            raise self._problem("roles", f"{quoted(twice)} stands in two roles")

    def _problem(self, option: str, problem: str) -> OptionError:
        return OptionError(
            f"Mechanism {cited(self.id)}: {problem}.",
            [option_problem(option, getattr(self, option, None), what=problem)],
        )


def split_roles(text: str) -> tuple[str, ...]:
    """Split a text of roles with ``;`` between them, such as "employment;income"."""
    return tuple(part.strip() for part in text.split(";") if part.strip())


def roles_of(mechanisms: Iterable[Mechanism]) -> tuple[str, ...]:
    """List the roles of several mechanisms, each once, in the order in which they first occur."""
    return tuple(dict.fromkeys(role for mechanism in mechanisms for role in mechanism.roles))
