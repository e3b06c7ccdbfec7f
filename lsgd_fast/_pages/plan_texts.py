"""The texts of a plan, for terminals and for pages."""

PLAN = {
    # units, in which numbers are shown
    "unit_TB": ("TB", "TB"),
    "unit_GB": ("GB", "GB"),
    "unit_MB": ("MB", "MB"),
    "unit_kB": ("kB", "kB"),
    "unit_bytes": ("bytes", "バイト"),
    "unit_days": ("days", "日"),
    "unit_h": ("h", "時間"),
    "unit_min": ("min", "分"),
    "unit_s": ("s", "秒"),
    "unit_ms": ("ms", "ミリ秒"),
    "unit_us": ("us", "マイクロ秒"),
    # the run
    "plan_run": (
        "Plan of a descent on X of shape ({n}, {d}), {dtype}",
        "勾配降下法の計画：X の形は ({n}, {d})、{dtype}",
    ),
    "plan_run_sparse": (
        "Plan of a descent on X of shape ({n}, {d}), {dtype}, {n_entries:,} entries",
        "勾配降下法の計画：X の形は ({n}, {d})、{dtype}、要素 {n_entries:,} 個",
    ),
    "plan_radius": ("radius R", "半径 R"),
    "plan_margin": ("margin", "マージン"),
    "plan_classes": ("classes", "クラス数"),
    "plan_stepsize": ("stepsize", "ステップサイズ"),
    "plan_steps": ("steps", "ステップ数"),
    "radius_is": (
        "{value:.4g}, the largest norm of a row",
        "{value:.4g}（行のノルムの最大値）",
    ),
    "value_is": ("{value:.4g}", "{value:.4g}"),
    "count_is": ("{value:,}", "{value:,}"),
    "monotone_is": (
        "up to 8 / R^2 = {value:.3g} the loss cannot increase, on any data",
        "8 / R² = {value:.3g} 以下なら、どんなデータでも損失は増えません",
    ),
    "monotone_is_of_classes": (
        "up to 4 / R^2 = {value:.3g} the loss cannot increase, on any data",
        "4 / R² = {value:.3g} 以下なら、どんなデータでも損失は増えません",
    ),
    "unknown": ("unknown: {reason!w}", "不明：{reason!w}"),
    "how_to_margin": (
        "pass margin=, the largest min_i y_i (x_i . v) over unit vectors v, in the units of X. A "
        "lower bound is enough, such as trace.min_margin[-1] / trace.weight_norm[-1] of a run that "
        "separated the data",
        "margin= に、単位ベクトル v についての min_i y_i (x_i . v) の最大値を X の単位で"
        "渡してください。"
        "下界で十分です。たとえば、データを分離した実行の "
        "trace.min_margin[-1] / trace.weight_norm[-1] が使えます",
    ),
    "how_to_margin_of_classes": (
        "pass margin=, the largest that the least lead of a row's own class over another can be, "
        "over weights of norm 1, in the units of X. A lower bound is enough, such as "
        "trace.min_margin[-1] / trace.weight_norm[-1] of a run that separated the data",
        "margin= に、ノルム 1 の重みについて、行自身のクラスのスコアが他のクラスを上回る差の"
        "最小値がとりうる最大値を、X の単位で渡してください。"
        "下界で十分です。たとえば、データを分離した実行の "
        "trace.min_margin[-1] / trace.weight_norm[-1] が使えます",
    ),
    # why a bound is unknown
    "why_pass": ("pass {name}=", "{name}= を渡してください"),
    "why_zero": ("X is zero everywhere", "X がすべて 0 です"),
    "why_pass_budget": (
        "pass stepsize=; Corollary 2 needs at least {least:,} steps",
        "stepsize= を渡してください。系 2 には少なくとも {least:,} ステップが必要です",
    ),
    "why_budget": (
        "Corollary 2 needs at least {least:,} steps",
        "系 2 には少なくとも {least:,} ステップが必要です",
    ),
    "why_phase": (
        "the unstable phase may last {steps:,} steps, and only the mean is bounded there",
        "不安定期が {steps:,} ステップ続く可能性があり、その間は平均にしか上界がありません",
    ),
    "why_two_classes": (
        "the theorem is for two classes and one column of weights",
        "この定理は、クラスが二つで重みが一列の場合のものです",
    ),
    "why_few_steps": (
        "n_steps is too small for this bound",
        "この上界には n_steps が小さすぎます",
    ),
    "why_large": (
        "the bound is too large to represent",
        "上界が大きすぎて表せません",
    ),
    # bounds
    "plan_bounds": (
        "Bounds (Wu, Bartlett, Telgarsky, Yu, COLT 2024; stepsizes in the units of X)",
        "理論の上界（Wu, Bartlett, Telgarsky, Yu, COLT 2024。ステップサイズは X の単位）",
    ),
    "plan_bounds_of_classes": (
        "Bounds for softmax (docs/losses_and_rules.md; stepsizes in the units of X)",
        "softmax の理論の上界（docs/losses_and_rules.md。ステップサイズは X の単位）",
    ),
    "plan_phase": ("unstable phase", "不安定期"),
    "phase_none": (
        "none: with a stepsize this small the loss never increases",
        "なし：これほど小さいステップサイズでは、損失は決して増えません",
    ),
    "phase_is": (
        "at most {value:,} steps, in which the loss may rise (Theorem 1)",
        "最大 {value:,} ステップ。その間、損失は増えることがあります（定理 1）",
    ),
    "phase_is_of_classes": (
        "at most {value:,} steps, in which the loss may rise",
        "最大 {value:,} ステップ。その間、損失は増えることがあります",
    ),
    "plan_mean": ("mean loss", "損失の平均"),
    "mean_is": (
        "at most {value:.3g}, over all of these steps (Theorem 1)",
        "全ステップの平均で {value:.3g} 以下（定理 1）",
    ),
    "mean_is_of_classes": (
        "at most {value:.3g}, over all of these steps",
        "全ステップの平均で {value:.3g} 以下",
    ),
    "plan_last": ("last loss", "最後の損失"),
    "last_is": (
        "at most {value:.3g}, after these steps (after Crawshaw, Liu, COLT 2026; Theorem 1)",
        "このステップ数の後で {value:.3g} 以下（Crawshaw, Liu, COLT 2026、定理 1）",
    ),
    "last_is_of_classes": (
        "at most {value:.3g}, after these steps",
        "このステップ数の後で {value:.3g} 以下",
    ),
    "plan_target": ("target", "目標"),
    "target_is": (
        "loss of {target:.3g} after at most {value:,} steps (after Crawshaw, Liu, COLT 2026; "
        "Theorem 1)",
        "{value:,} ステップ以内に損失 {target:.3g}（Crawshaw, Liu, COLT 2026、定理 1）",
    ),
    "target_is_of_classes": (
        "loss of {target:.3g} after at most {value:,} steps",
        "{value:,} ステップ以内に損失 {target:.3g}",
    ),
    "plan_corollary": ("Corollary 2", "系 2"),
    "corollary_is": (
        "stepsize {value:.4g} for these steps: last loss at most {loss:.3g}",
        "このステップ数でステップサイズ {value:.4g} とすると、最後の損失は {loss:.3g} 以下",
    ),
    "plan_width": ("width", "幅"),
    "width_is": (
        "a two-layer ReLU network would need {value:.2g} units (Theorem 6)",
        "二層 ReLU ネットワークには {value:.2g} 個のユニットが必要です（定理 6）",
    ),
    "plan_loose": (
        "These are upper bounds for the worst data with this margin, and they are loose: on the "
        "data sets of this package runs were stable more than a hundred times sooner. The width is "
        "the one that the proof needs; it grows with the square of the stepsize.",
        "これらは、このマージンを持つ最悪のデータに対する上界で、実際よりかなり大きい値です。"
        "このパッケージのデータでは、実行は 100 倍以上早く安定しました。"
        "幅は証明に必要な値で、ステップサイズの 2 乗に比例して大きくなります。",
    ),
    "plan_loose_of_classes": (
        "These are upper bounds for the worst data with this margin: runs may be stable, and their "
        "losses low, far sooner.",
        "これらは、このマージンを持つ最悪のデータに対する上界です。"
        "実際の実行は、はるかに早く安定し、損失も下がることがあります。",
    ),
    # memory
    "plan_memory": ("Memory", "メモリ"),
    "plan_data": ("X", "X"),
    "data_is": (
        "{value:bytes}, not included in the peak",
        "{value:bytes}（最大使用量には含みません）",
    ),
    "plan_peak": ("peak", "最大使用量"),
    "peak_by_row": (
        "{value:bytes}, and {row} bytes for each recorded step: pass n_steps=",
        "{value:bytes} と、記録するステップごとに {row} バイト：n_steps= を渡してください",
    ),
    "peak_is": ("{value:bytes}: {parts!w}", "{value:bytes}：{parts!w}"),
    "set_up_is": ("while X is validated or copied", "X を検査または複製している間"),
    "part_trace": ("the trace {value:bytes}", "記録 {value:bytes}"),
    "part_copy": (
        "a copy of X in the order of a step {value:bytes}",
        "計算の順に並べた X の複製 {value:bytes}",
    ),
    "part_columns": (
        "a copy of X by columns {value:bytes}",
        "列ごとに並べた X の複製 {value:bytes}",
    ),
    "part_workspace": (
        "partial results of a pass {value:bytes}",
        "計算の途中結果 {value:bytes}",
    ),
    "part_labels": ("labels {value:bytes}", "ラベル {value:bytes}"),
    "part_weights": ("weights {value:bytes}", "重み {value:bytes}"),
    # time
    "plan_time": (
        "Time, measured on this machine with {n_threads:thread(s)}",
        "時間（このマシンで、スレッド {n_threads} 個で測定）",
    ),
    "plan_time_scaled": (
        "Time, measured on this machine with {n_threads:thread(s)}, on {n} x {d} and scaled",
        "時間（このマシンで、スレッド {n_threads} 個、{n} × {d} で測定して換算）",
    ),
    "plan_step": ("one step", "1 ステップ"),
    "plan_set_up": ("set-up", "準備"),
    "plan_in_all": ("in all", "合計"),
    "seconds_are": ("{value:seconds}", "{value:seconds}"),
    "step_leaves": (
        "unknown: X is so large that steps on it leave float64",
        "不明：X の値が大きすぎて、計算が float64 の範囲を超えます",
    ),
    # a network
    "plan_network": ("A two-layer network of width {width:,}", "幅 {width:,} の二層ネットワーク"),
    "plan_parameters": ("parameters", "パラメーター"),
    "plan_network_memory": ("memory", "メモリ"),
    "network_memory_is": (
        "{value:bytes} for weights and gradient, besides X",
        "X のほかに、重みと勾配で {value:bytes}",
    ),
    "plan_work": ("work", "計算量"),
    "work_is": ("{value:.3g} operations per step", "1 ステップあたり {value:.3g} 演算"),
    # the page alone
    "plan_title": ("Plan: what the run takes", "計画：実行に必要なもの"),
    "plan_asked": ("What was planned", "計画したもの"),
    "plan_answer": (
        "The run takes about {seconds:seconds} on this machine and at most {peak:bytes} of memory "
        "besides the data.",
        "この実行には、このマシンで約 {seconds:seconds} と、データのほかに最大 {peak:bytes} の"
        "メモリが必要です。",
    ),
    "plan_answer_memory": (
        "The run takes at most {peak:bytes} of memory besides the data; its time is not known.",
        "この実行には、データのほかに最大 {peak:bytes} のメモリが必要です。時間は分かりません。",
    ),
    "plan_answer_step": (
        "One step takes about {seconds:seconds} on this machine; the number of steps is not known.",
        "1 ステップに、このマシンで約 {seconds:seconds} かかります。ステップ数は分かりません。",
    ),
    "plan_answer_nothing": (
        "Neither the time nor the number of steps is known.",
        "時間もステップ数も分かりません。",
    ),
    "plan_proved": (
        "The bounds of theory are proved, for the worst data with this margin.",
        "理論の上界は、このマージンを持つ最悪のデータについて証明されています。",
    ),
    "plan_counted": (
        "The memory is counted from the shape of the data: at most as much as is said here.",
        "メモリはデータの形から数えたもので、ここに書いた値以下です。",
    ),
    "plan_measured": (
        "The seconds were measured in a short run on this machine; others differ, and so does a "
        "busy one.",
        "時間はこのマシンでの短い実行から測ったものです。別のマシンや混雑したマシンでは変わります。",
    ),
    "plan_scaled": (
        "They were measured on {n:row(s)} of {d:feature(s)} and scaled to the shape of the data.",
        "{n} 行、特徴量 {d} 個で測り、データの形に換算しました。",
    ),
    "plan_not_run": (
        "The run itself was not made: whether it settles on these data is not known.",
        "実行そのものはしていません。このデータで安定するかどうかは分かりません。",
    ),
    "plan_for_zeros": (
        "The plan is for a run from zero weights without an intercept, a penalty or weights of "
        "rows.",
        "この計画は、重み 0 から始め、切片、正則化、行の重みを使わない実行についてのものです。",
    ),
}
