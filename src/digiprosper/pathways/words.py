"""What a report of propositions says, by code: never that one causes another."""

from digiprosper.report.words import Words

WORDS = Words(
    {
        # verdicts
        "supported": ("supported", "支持"),
        "contradicted": ("contradicted", "相反"),
        "inconclusive": ("inconclusive", "无法判断"),
        "not testable": ("not testable", "未检验"),
        "say.supported": (
            "consistent with {id}: {relation}; {numbers}{stand_in}",
            "与{id}一致：{relation}；{numbers}{stand_in}",
        ),
        "say.contradicted": (
            "at odds with {id}: {relation}; {numbers}{stand_in}",
            "与{id}相反：{relation}；{numbers}{stand_in}",
        ),
        "say.inconclusive": (
            "the data do not decide {id}: {numbers}{stand_in}",
            "数据无法判断{id}：{numbers}{stand_in}",
        ),
        "say.not testable": ("{id} was not tested: {why}", "{id}未检验：{why}"),
        "stand_in": (" (stand-in: {column})", "（代理变量：{column}）"),
        # relations
        "associated.+": ("positively associated", "正相关"),
        "associated.-": ("negatively associated", "负相关"),
        "higher.+": ("higher", "高于"),
        "higher.-": ("lower", "低于"),
        "larger.+": ("larger", "大"),
        "larger.-": ("smaller", "小"),
        "linear": (
            "{cause} is {associated} with {outcome}",
            "{cause}与{outcome}{associated}",
        ),
        "staggered": (
            (
                "{outcome} is {higher} under {cause} than without it, under the "
                "assumption of parallel trends"
            ),
            "在平行趋势假定下，{cause}实施后{outcome}{higher}未实施时",
        ),
        "mediated": (
            "{cause} is associated with {outcome} through {channels}",
            "{cause}经由{channels}与{outcome}相关联",
        ),
        "moderated": (
            (
                "the slope of {outcome} on {cause} is {larger} where {moderators} is "
                "higher"
            ),
            "{moderators}越高，{outcome}对{cause}的斜率越{larger}",
        ),
        "threshold": (
            (
                "the slope of {outcome} on {cause} is {larger} where {moderators} is "
                "above {threshold}"
            ),
            "{moderators}高于{threshold}时，{outcome}对{cause}的斜率更{larger}",
        ),
        "U.-/+": (
            (
                "{outcome} first falls and then rises with {cause}, turning at "
                "{turning_point}"
            ),
            "随着{cause}上升，{outcome}先降后升，转折点为{turning_point}",
        ),
        "U.+/-": (
            (
                "{outcome} first rises and then falls with {cause}, turning at "
                "{turning_point}"
            ),
            "随着{cause}上升，{outcome}先升后降，转折点为{turning_point}",
        ),
        "U-mediated.-/+": (
            (
                "the association of {cause} with {outcome} through {channels} is "
                "negative at low values of {cause} and positive at high ones"
            ),
            "{cause}经由{channels}与{outcome}的关联在{cause}较低时为负，较高时为正",
        ),
        "U-mediated.+/-": (
            (
                "the association of {cause} with {outcome} through {channels} is "
                "positive at low values of {cause} and negative at high ones"
            ),
            "{cause}经由{channels}与{outcome}的关联在{cause}较低时为正，较高时为负",
        ),
        "U-moderated": (
            "the turning point of {outcome} in {cause} moves with {moderators}",
            "{outcome}关于{cause}的转折点随{moderators}移动",
        ),
        "coupled": (
            "{cause} and {outcome} are {associated}, direction not identified",
            "{cause}与{outcome}{associated}，方向无法识别",
        ),
        "spatial": (
            "{cause}, here and in other places, is {associated} with {outcome}",
            "本地和其他地区的{cause}与{outcome}{associated}",
        ),
        # numbers
        "number": ("{what} {estimate} {interval}", "{what}{estimate} {interval}"),
        "ending": (
            "{numbers}, adjusted p {p}, {count} entities",
            "{numbers}，校正p值{p}，{count}个个体",
        ),
        "ending.none": (
            "{numbers}, p {p}, {count} entities",
            "{numbers}，p值{p}，{count}个个体",
        ),
        "and": (" and ", "和"),
        "separator": ("; ", "；"),
        "slope": ("slope", "斜率"),
        "interaction": ("interaction", "交互项"),
        "interaction.of": ("interaction with {of}", "与{of}的交互项"),
        "indirect": ("indirect", "间接部分"),
        "indirect.of": ("indirect through {of}", "经由{of}的间接部分"),
        "path_a": ("slope of {of} on {cause}", "{of}对{cause}的斜率"),
        "path_b": ("slope of {outcome} on {of}", "{outcome}对{of}的斜率"),
        "slope_low": ("slope at {at} (low end)", "{at}处（低端）的斜率"),
        "slope_high": ("slope at {at} (high end)", "{at}处（高端）的斜率"),
        "shift": ("shift", "移动"),
        "shift.of": ("shift with {of}", "随{of}的移动"),
        "change": ("change of the slope", "斜率变化"),
        "indirect_change": (
            "change of the indirect part through {of}",
            "经由{of}的间接部分的变化",
        ),
        "indirect_low": ("indirect through {of} at {at}", "{at}处经由{of}的间接部分"),
        "indirect_high": ("indirect through {of} at {at}", "{at}处经由{of}的间接部分"),
        "total": ("total", "总计"),
        "direct": ("direct", "直接部分"),
        "average": ("average difference", "平均差异"),
        # what an estimate rests on
        "basis.two_way_effects": ("two-way FE", "双向固定"),
        "basis.product_of_slopes": ("two-way FE, a×b", "双向固定，a×b"),
        "basis.no_direction": ("two-way FE, no direction", "双向固定，方向不明"),
        "basis.spatial_lags": ("two-way FE, spatial lags", "双向固定，空间滞后"),
        "basis.parallel_trends": ("parallel trends", "平行趋势"),
        "units": (
            (
                "Associations: standard deviations of the outcome for one standard "
                "deviation of the explanatory variable (of an interaction: and of the "
                "moderator; of a policy: from 0 to 1)."
            ),
            (
                "关联：解释变量（交互项还包括调节变量）每高一个标准差，"
                "结果变量相差的标准差数；政策为从0到1的差异。"
            ),
        ),
        "no_units": "-",
        "proxy": ("proxy", "代理变量"),
        # reasons
        "why.data": ("needs {needs}", "需要{needs}"),
        "why.data.none": (
            "it needs data other than a panel of regions",
            "所需数据不是地区面板数据",
        ),
        "why.column": ("no column for role {roles}", "没有与变量角色{roles}对应的列"),
        "why.column.several": (
            "no column for the roles {roles}",
            "没有与变量角色{roles}对应的列",
        ),
        "why.same_column": (
            "{column} is the column of both {roles}",
            "{column}同时对应{roles}",
        ),
        "why.overlap": "{found}",
        "why.weights": ("needs spatial_weights", "需要空间权重（spatial_weights）"),
        "why.failed": "{message}",
        "why.no_p": ("the fit has no p-value for {what}", "{what}没有p值"),
        "part_of": ("{indicator} is part of {index}", "{indicator}是{index}的组成指标"),
        "part_of.both": (
            "{indicator} is part of {index} and of {other}",
            "{indicator}同时是{index}和{other}的组成指标",
        ),
        # heads
        "title": ("{count} propositions: {counts}", "{count}个命题：{counts}"),
        "title.one": ("1 proposition: {counts}", "1个命题：{counts}"),
        "title.count": ("{number} {verdict}", "{verdict}{number}个"),
        "head.id": ("proposition", "命题"),
        "head.term": ("estimate of", "估计量"),
        "head.estimate": ("estimate", "估计值"),
        "head.std_effect": ("association (SD)", "关联（标准差）"),
        "head.effects": (
            "association (SD), {level} interval",
            "关联（标准差），{level}区间",
        ),
        "head.identification": ("identified by", "识别依据"),
        "head.interval": ("{level} interval", "{level}置信区间"),
        "head.p": ("p", "p值"),
        "head.p_adjusted": ("adjusted p", "校正p值"),
        "head.verdict": ("verdict", "结论"),
        "head.nobs": ("N", "观测值"),
        "head.entities": ("entities", "个体数"),
        "untested": ("Not tested: {parts}.", "未检验：{parts}。"),
        "untested.reason": ("{ids} ({why})", "{ids}（{why}）"),
        "untested.column": (
            "no column for a role of {ids}",
            "{ids}缺少与变量角色对应的列",
        ),
        "not_tested": ("Not tested: {ids} ({why})", "未检验：{ids}（{why}）"),
        "not_tested.column": (
            "Not tested, no column for a role: {ids}",
            "未检验，缺少与变量角色对应的列：{ids}",
        ),
        "roles_of": ("{id} ({roles})", "{id}（{roles}）"),
        "comma": (", ", "、"),
        # notes
        "note.several_tests": (
            (
                "{tests} tests, p-values adjusted by {method}. Without adjustment "
                "about {chance} of them would reject at {alpha} by chance alone. "
                "Intervals are not adjusted."
            ),
            (
                "共{tests}个检验，p值按{method}校正。若不校正，"
                "约有{chance}个检验会在{alpha}水平上偶然拒绝。置信区间未作校正。"
            ),
        ),
        "note.association": (
            (
                "Verdicts are about associations. In a mediation this is true of the "
                "path from channel to outcome even with an instrument for the "
                "explanatory variable (Jiang 2022)."
            ),
            (
                "所有结论均为相关关系。在中介模型中，即使解释变量有工具变量，"
                "渠道变量与结果变量之间的路径仍是相关关系（江艇，2022）。"
            ),
        ),
        "note.samples_differ": (
            "Rows differ in their samples: from {least} to {most} observations.",
            "各行样本不同：观测值从{least}到{most}。",
        ),
        "note.overlap_not_searched": (
            (
                "Overlap of channels with the indicators of an index was not checked, "
                "for lack of the indicator systems."
            ),
            "未提供指标体系，因此未检查渠道变量与指数指标是否重叠。",
        ),
        "note.controls_left_out": (
            (
                "A variable of a proposition cannot be one of its controls: {names} "
                "dropped from the controls of {ids}."
            ),
            "命题中的变量不同时作为其控制变量：{names}未列入{ids}的控制变量。",
        ),
        "note.controls_overlap": (
            (
                "The control {names} is an indicator of {indices}: the same data are "
                "on both sides of {ids}."
            ),
            "控制变量{names}是{indices}的组成指标：{ids}的方程两边含有相同数据。",
        ),
        "note.few_draws_to_adjust": (
            (
                "With {tests} tests and {reps} draws no adjusted p-value can be below "
                "{least}: adjust by Benjamini and Hochberg, or evaluate fewer "
                "propositions."
            ),
            (
                "共{tests}个检验、{reps}次抽样，校正p值不会低于{least}："
                "请用Benjamini-Hochberg方法校正，或减少一次检验的命题数。"
            ),
        ),
        "method.holm": ("Holm's method", "Holm方法"),
        "method.bonferroni": ("Bonferroni's method", "Bonferroni方法"),
        "method.fdr_bh": (
            "the method of Benjamini and Hochberg",
            "Benjamini-Hochberg方法",
        ),
        "method.fdr_by": (
            "the method of Benjamini and Yekutieli",
            "Benjamini-Yekutieli方法",
        ),
        "method.none": ("no method", "（不校正）"),
        "errors": (
            (
                "Standard errors clustered by {entity}. p-values of slopes, "
                "interactions and thresholds: wild cluster bootstrap; of indirect "
                "parts: percentiles of the cluster bootstrap; {reps} draws. Ends of a "
                "curve, shifts, spatial models and staggered policies: t or normal "
                "tests"
            ),
            (
                "标准误聚类到{entity}。斜率、交互项和门槛的p值来自野聚类自助法，"
                "间接部分的p值来自聚类自助法的分位数，均为{reps}次抽样；"
                "曲线两端的斜率、转折点的移动、空间模型和交错实施的政策为t检验或正态检验。"
            ),
        ),
        "settings": ("rng {entropy}", "随机数种子：{entropy}"),
        # figure
        "stage.cake": ("Making the cake bigger", "做大蛋糕"),
        "stage.division": ("Dividing it well", "分好蛋糕"),
        "stage.constraint": ("Constraints", "制约因素"),
        "stage.policy": ("Conditions and policies", "条件与政策"),
        "stage.": ("Other propositions", "其他命题"),
        "path.linear": "{cause} → {outcome}",
        "path.spatial": "{cause} → {outcome}",
        "path.mediated": "{cause} → {channels} → {outcome}",
        "path.moderated": "{cause} × {moderators} → {outcome}",
        "path.threshold": (
            "{cause} → {outcome}, by {moderators}",
            "{cause} → {outcome}（以{moderators}为门槛）",
        ),
        "path.threshold.mediated": (
            "{cause} → {channels} → {outcome}, by {moderators}",
            "{cause} → {channels} → {outcome}（以{moderators}为门槛）",
        ),
        "path.U": ("{cause}, {cause}² → {outcome}", "{cause}及其平方 → {outcome}"),
        "path.U-mediated": (
            "{cause}, {cause}² → {channels} → {outcome}",
            "{cause}及其平方 → {channels} → {outcome}",
        ),
        "path.U-moderated": (
            "({cause}, {cause}²) × {moderators} → {outcome}",
            "{cause}及其平方 × {moderators} → {outcome}",
        ),
        "path.coupled": "{cause} ↔ {outcome}",
        "path.part": ("{path} ({part})", "{path}（{part}）"),
        "figure.note": (
            (
                "{level} intervals, not adjusted. Verdicts by p-values adjusted over "
                "{tests} tests ({method}). Estimates are associations, unless parallel "
                "trends identify them."
            ),
            (
                "{level}置信区间未作校正；结论依据{tests}个检验的校正p值"
                "（{method}）。除以平行趋势识别的估计值外，均为相关关系。"
            ),
        ),
        "remark": ("Note: {text}", "注：{text}"),
        "remark.model": ("Note on {ids}: {text}", "注（{ids}）：{text}"),
    }
)
"""Words of reports of propositions."""
