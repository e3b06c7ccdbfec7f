"""The sentences of the gates of a pilot: their questions, rules and evidence, and the answer."""

GATES = {
    "decision_go": ("go", "実施"),
    "decision_no_go": ("no-go", "見送り"),
    "decision_more": ("not enough evidence", "判断材料が不足"),
    "decision_none": ("not reached", "未実施"),
    # goals, as they stand in a sentence
    "goal_of_loss": ("loss", "損失"),
    "goal_of_held_out_loss": ("held-out loss", "取り置いたデータでの損失"),
    "goal_of_held_out_error": ("held-out error", "取り置いたデータでの誤り率"),
    "goal_of_margin": ("margin", "マージン"),
    "goal_of_steps": ("the number of steps to the target", "目標までのステップ数"),
    # the answer
    "answer_go": (
        "Go: scale up with stepsize {stepsize:.4g}, which is {factor:.4g} times the conservative "
        "one.",
        "実施を勧めます。ステップサイズは {stepsize:.4g} で、控えめな値の {factor:.4g} 倍です。",
    ),
    "answer_none_larger": (
        "No-go: in the trial no larger stepsize that held was better than {conservative:.4g} by "
        "{goal!w}.",
        "見送りを勧めます。試行では、{goal!w}が {conservative:.4g} より良く、かつ成立した大きな"
        "ステップサイズはありませんでした。",
    ),
    "answer_none_held": (
        "No-go: no stepsize held, not even the conservative one: take a smaller start_stepsize.",
        "見送りを勧めます。控えめな値を含め、成立したステップサイズはありませんでした。より小さな "
        "start_stepsize を指定してください。",
    ),
    "answer_contradicted": (
        "No-go: on new samples stepsize {stepsize:.4g}, which the trial had chosen, is worse than "
        "{conservative:.4g} by {goal!w}.",
        "見送りを勧めます。新しい標本では、試行が選んだステップサイズ {stepsize:.4g} の{goal!w}は "
        "{conservative:.4g} より劣りました。",
    ),
    "answer_no_fit": (
        "No-go: the runs on all rows do not fit the limits of memory or time.",
        "見送りを勧めます。全データでの実行は、メモリまたは時間の上限に収まりません。",
    ),
    "answer_failed": (
        "No-go: on all rows the run of stepsize {stepsize:.4g} failed.",
        "見送りを勧めます。全データでは、ステップサイズ {stepsize:.4g} の実行は失敗しました。",
    ),
    "answer_no_better": (
        "No-go: on all rows stepsize {stepsize:.4g} is neither better than {conservative:.4g} by "
        "{goal!w} nor as good much sooner.",
        "見送りを勧めます。全データでは、ステップサイズ {stepsize:.4g} の{goal!w}は "
        "{conservative:.4g} より良くなく、同じ水準に達するのも大差ありませんでした。",
    ),
    "answer_more": (
        "There is not enough evidence to decide yet.",
        "まだ判断できるだけの材料がありません。",
    ),
    "answer_stay": (
        "Stay with {conservative:.4g}.",
        "{conservative:.4g} のままにしてください。",
    ),
    # the questions and the rules
    "gate_worth": ("Is it worth scaling up?", "拡大する価値はあるか"),
    "gate_worth_rule": (
        "Go if the staged trial recommends a larger stepsize than the conservative one, and, for a "
        "goal that is held out, new samples do not show it to be worse by more than the spread, "
        "which is two standard errors. Not enough evidence if stepsizes had not settled and may "
        "still do so; otherwise no-go.",
        "段階的な試行が控えめな値より大きなステップサイズを勧め、かつ、取り置いたデータで測る目標では"
        "新しい標本でも誤差の幅（標準誤差の 2 倍）を超えて劣らなければ「実施」。まだ安定していない"
        "ステップサイズがあり、今後安定し得る場合は「判断材料が不足」。それ以外は「見送り」。",
    ),
    "gate_fits": ("Does it fit memory and time?", "メモリと時間に収まるか"),
    "gate_fits_rule": (
        "Go if the memory that the plan counts, and the seconds that it predicts for both runs on "
        "all rows, are within the limits; otherwise no-go.",
        "計画が見積もるメモリと、全データでの 2 つの実行の予測時間が上限以内なら「実施」。"
        "それ以外は「見送り」。",
    ),
    "gate_holds": ("Does it hold on all rows?", "全データでも成り立つか"),
    "gate_holds_rule": (
        "Go if the run of the recommended stepsize settles, and is better than the conservative "
        "run by more than the spread; or is not worse by more, is sure not to be worse by more "
        "than 0.05, and gets as far in at most half of the steps. What is held out is compared "
        "on rows that neither run saw, and the spread is two standard errors; losses and margins "
        "on all rows must be better by 1 %. Not enough evidence if it had not settled, or if there "
        "are too few test rows to be sure; otherwise no-go.",
        "推奨ステップサイズの実行が安定し、控えめな実行より誤差の幅を超えて良ければ「実施」。また、"
        "誤差の幅を超えて劣らず、0.05 を超えて劣らないと言え、半分以下のステップで同じ水準に"
        "達する場合も「実施」。取り置いたデータで測る目標は、どちらの実行にも使っていない行で比べ、"
        "誤差の幅は標準誤差の 2 倍。学習に使った行での損失とマージンは 1 % 以上の差を求める。まだ"
        "安定していない場合、またはテスト用の行が少なすぎる場合は「判断材料が不足」。"
        "それ以外は「見送り」。",
    ),
    # evidence of the gate "worth"
    "gate_tried": (
        "{n_stages:stepsize(s)} from {smallest:.4g} to {largest:.4g} were tried, with up to "
        "{n_steps:step(s)} each.",
        "{smallest:.4g} から {largest:.4g} までの {n_stages} 通りのステップサイズを、それぞれ最大 "
        "{n_steps} ステップ試しました。",
    ),
    "gate_larger_is_best": (
        "By {goal!w}, {stepsize:.4g} is the best that held, {factor:.4g} times the conservative "
        "one.",
        "{goal!w}が最も良く、かつ成立したのは {stepsize:.4g} で、控えめな値の {factor:.4g} "
        "倍です。",
    ),
    "gate_first_is_best": (
        "By {goal!w}, no larger stepsize that held is better than the conservative one, "
        "{stepsize:.4g}.",
        "{goal!w}が控えめなステップサイズ {stepsize:.4g} より良く、かつ成立したものは"
        "ありませんでした。",
    ),
    "gate_none_held": (
        "No stepsize held, not even the conservative one, {stepsize:.4g}.",
        "控えめな {stepsize:.4g} を含め、成立したステップサイズはありませんでした。",
    ),
    "gate_unsettled": (
        "Some of the stepsizes from {smallest:.4g} to {largest:.4g} were unsettled when their "
        "steps ended, which is neither success nor failure.",
        "{smallest:.4g} から {largest:.4g} までには、ステップが尽きた時点でまだ安定していない"
        "ものがありました。成功とも失敗とも言えません。",
    ),
    "gate_one_unsettled": (
        "The stepsize {stepsize:.4g} was unsettled when its steps ended, which is neither success "
        "nor failure.",
        "{stepsize:.4g} は、ステップが尽きた時点でまだ安定していませんでした。成功とも失敗とも"
        "言えません。",
    ),
    "gate_short_trial": (
        "With fewer than {least} steps hardly any run is called stable without a proof.",
        "{least} ステップ未満では、証明なしに安定と判定されることはほとんどありません。",
    ),
    "gate_separable": (
        "It is proved that a linear model separates the rows of the trial: more steps may settle "
        "them.",
        "試行の行が線形分離可能であることは証明されています。ステップを増やせば安定する可能性が"
        "あります。",
    ),
    "gate_not_separable": (
        "It is proved that no linear model separates all rows of the trial: a large stepsize may "
        "oscillate for ever.",
        "試行の行が線形分離できないことは証明されています。大きなステップサイズでは振動が"
        "続くことがあります。",
    ),
    "gate_undecided": (
        "Whether a linear model separates the rows is not known.",
        "行が線形分離可能かどうかは分かっていません。",
    ),
    "gate_on_samples": (
        "On {n_samples:new sample(s)} its {goal!w} minus that of the conservative stepsize is "
        "{mean:+.3g} on average; the spread is {spread:.3g}.",
        "新しい {n_samples} 個の標本での{goal!w}の差（推奨 − 控えめ）は平均 {mean:+.3g}、"
        "誤差の幅は {spread:.3g} です。",
    ),
    # evidence of the gate "fits"
    "gate_memory": (
        "A run needs {bytes:bytes} besides the data; the limit is {limit:bytes}.",
        "実行には、データのほかに {bytes:bytes} のメモリが必要です（上限 {limit:bytes}）。",
    ),
    "gate_time": (
        "Both runs together are predicted to take {seconds:seconds}, {step_seconds:seconds} a "
        "step.",
        "2 つの実行の予測時間は合計 {seconds:seconds}、1 ステップ当たり {step_seconds:seconds} "
        "です。",
    ),
    "gate_time_limit": (
        "The limit is {limit:seconds}.",
        "時間の上限は {limit:seconds} です。",
    ),
    "gate_network": (
        "A two-layer network of width {width} would need {bytes:bytes} more, and {times:.4g} times "
        "the work for each step.",
        "幅 {width} の二層ネットワークでは、さらに {bytes:bytes} のメモリと、1 ステップ当たり "
        "{times:.4g} 倍の計算が必要です。",
    ),
    "gate_network_theory": (
        "For the phases to be guaranteed with the margin of {margin:.3g} that the trial found, "
        "Theorem 6 asks for a width of {required:.3g}; that bound is for the worst data.",
        "試行で得られたマージン {margin:.3g} のもとで理論（定理 6）が段階の移行を保証するには、"
        "幅 {required:.3g} が必要です。これは最悪のデータに対する値です。",
    ),
    # evidence of the gate "holds"
    "gate_ended_separated": (
        "The run separated its rows at step {step}, as its weights prove.",
        "実行はステップ {step} で行を分離しました（重みがその証明です）。",
    ),
    "gate_ended_reached": (
        "The run reached its target in {n_steps:step(s)}.",
        "実行は {n_steps} ステップで目標に達しました。",
    ),
    "gate_ended_calm": (
        "The run is stable: the loss never increased in {n_steps:step(s)}.",
        "実行は安定しています。{n_steps} ステップの間、損失は一度も増えませんでした。",
    ),
    "gate_ended_stable": (
        "The run became stable: the loss increased {n_increases:time(s)} in {n_steps:step(s)}, "
        "last at step {last}.",
        "実行は安定しました。{n_steps} ステップのうち損失が増えたのは {n_increases} 回で、最後は"
        "ステップ {last} でした。",
    ),
    "gate_ended_unstable": (
        "The run was still unstable after {n_steps:step(s)}: the loss had increased "
        "{n_increases:time(s)}, last at step {last}.",
        "{n_steps} ステップ後もまだ不安定でした。損失は {n_increases} 回増え、最後はステップ "
        "{last} でした。",
    ),
    "gate_ended_undecided": (
        "After {n_steps:step(s)} it could not be told whether the run is stable.",
        "{n_steps} ステップ後も、安定したかどうか判定できませんでした。",
    ),
    "gate_ended_cycling": (
        "The run cycles without progress, as found after {n_steps:step(s)}.",
        "実行は {n_steps} ステップの時点で、進展のない循環に入っていました。",
    ),
    "gate_ended_diverged": (
        "The run diverged after {n_steps:step(s)}.",
        "実行は {n_steps} ステップで発散しました。",
    ),
    "gate_compared_held_out_error": (
        "On {n_rows:test row(s)} its error rate is {recommended:.2%}, that of the conservative run "
        "{conservative:.2%}; the spread of the difference is {spread:.2%}.",
        "テスト用の {n_rows} 行での誤り率は {recommended:.2%}、控えめな実行では {conservative:.2%} "
        "です。差の誤差の幅は {spread:.2%} です。",
    ),
    "gate_compared_held_out_loss": (
        "On {n_rows:test row(s)} its loss is {recommended:.3g}, that of the conservative run "
        "{conservative:.3g}; the spread of the difference is {spread:.3g}.",
        "テスト用の {n_rows} 行での損失は {recommended:.3g}、控えめな実行では {conservative:.3g} "
        "です。差の誤差の幅は {spread:.3g} です。",
    ),
    "gate_compared_loss": (
        "On the {n_rows:row(s)} that both learn from its loss is {recommended:.3g}, that of the "
        "conservative run {conservative:.3g}.",
        "学習に使った {n_rows} 行での損失は {recommended:.3g}、控えめな実行では {conservative:.3g} "
        "です。",
    ),
    "gate_compared_objective": (
        "On the {n_rows:row(s)} that both learn from its loss with the penalty is "
        "{recommended:.3g}, that of the conservative run {conservative:.3g}.",
        "学習に使った {n_rows} 行での罰則付きの損失は {recommended:.3g}、控えめな実行では "
        "{conservative:.3g} です。",
    ),
    "gate_compared_margin": (
        "On the {n_rows:row(s)} that both learn from its margin is {recommended:.3g}, that of the "
        "conservative run {conservative:.3g}.",
        "学習に使った {n_rows} 行でのマージンは {recommended:.3g}、控えめな実行では "
        "{conservative:.3g} です。",
    ),
    "gate_compared_steps": (
        "It reached the target in {recommended:step(s)}, the conservative run in "
        "{conservative:step(s)}.",
        "目標までのステップ数は {recommended}、控えめな実行では {conservative} です。",
    ),
    "gate_compared_targets": (
        "The recommended run {recommended!w}, the conservative run {conservative!w}.",
        "推奨した実行は{recommended!w}。控えめな実行は{conservative!w}。",
    ),
    "gate_target": ("reached the target", "目標に達しました"),
    "gate_no_target": ("did not", "目標に達しませんでした"),
    "gate_sooner": (
        "At every measured step from {recommended} on it is as good as the conservative run ends, "
        "or better; that run itself is from step {conservative} on.",
        "ステップ {recommended} 以降に測ったすべての時点で、控えめな実行の最終結果と同じかそれより"
        "良い水準です。控えめな実行自身がその水準に達するのはステップ {conservative} です。",
    ),
    "gate_only_it": (
        "Only it got as far, at step {recommended}.",
        "その水準に達したのは推奨した実行だけで、ステップ {recommended} でした。",
    ),
    "gate_not_matched": (
        "It did not get as far as the conservative run.",
        "控えめな実行と同じ水準には達しませんでした。",
    ),
    # what would be needed
    "gate_more_trial_steps": (
        "more steps in the trial may settle it, n_trial_steps={n_trial_steps}",
        "試行のステップを増やす（n_trial_steps={n_trial_steps}）",
    ),
    "gate_more_steps": (
        "more steps on all rows may settle it, n_steps={n_steps}",
        "全データでのステップを増やす（n_steps={n_steps}）",
    ),
    "gate_more_patience": (
        "its loss went on increasing far longer than in the trial; to let it go on, "
        "stop with unstable_steps={unstable_steps}",
        "損失の増加が試行よりはるかに長く続いたため、続けさせるには "
        "stop の unstable_steps={unstable_steps}",
    ),
    "gate_more_test_rows": (
        "more test rows, by which it might still be worse by {most:.3g}, where {limit:.3g} is the "
        "most",
        "テスト用の行を増やす（今の行数では {most:.3g} まで劣る可能性があり、上限は {limit:.3g}）",
    ),
    "gate_more_memory": (
        "{bytes:bytes} of memory besides the data",
        "データのほかに {bytes:bytes} のメモリ",
    ),
    "gate_fewer_steps": (
        "{seconds:seconds}; about {n_steps:step(s)} fit the limit",
        "{seconds:seconds}（上限に収まるのは約 {n_steps} ステップ）",
    ),
    "gate_more_time": (
        "{seconds:seconds}, more than the limit",
        "{seconds:seconds}（上限を超えています）",
    ),
    "gate_scale_down": (
        "smaller features: X is so large that steps on it overflow; divide it by its largest norm",
        "X の値が大きすぎて桁あふれするため、最大のノルムで割ること",
    ),
    "gate_resume": (
        "the rest of the pilot, which the callback ended; the same call goes on where it was, if "
        "it has a folder",
        "コールバックにより中断された残りの部分（フォルダーを指定した同じ呼び出しで再開できます）",
    ),
}
