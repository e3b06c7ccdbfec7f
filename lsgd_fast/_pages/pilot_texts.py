"""The texts of the report of a pilot besides those of its gates."""

PILOT = {
    "pilot_title": (
        "Pilot: is a large stepsize worth scaling up?",
        "パイロット：大きなステップサイズでの拡大に価値はあるか",
    ),
    "pilot_rows": (
        "{n_rows:row(s)}: {n_test} of them only compare the two runs, and the trial saw {n_trial}.",
        "{n_rows} 行のうち {n_test} 行は 2 つの実行の比較だけに使い、"
        "試行には {n_trial} 行を使いました。",
    ),
    "pilot_needed": ("What would be needed: {needed}", "必要なこと：{needed}"),
    "pilot_gates": ("The three gates", "三つの関門"),
    "pilot_rule": ("Rule: {rule}", "規則：{rule}"),
    "pilot_gate": ("{number}. {question} {mark}", "{number}. {question} {mark}"),
    "pilot_runs": ("Both runs on all rows", "全データでの 2 つの実行"),
    "pilot_not_run": (
        "The runs on all rows were not made.",
        "全データでの実行はしていません。",
    ),
    "rows_of_trial": ("all rows of the trial", "試行の全データ"),
    "pilot_loss_picture": (
        "The loss of both runs on the rows that they learn from, by step.",
        "学習に使った行での 2 つの実行の損失（ステップごと）。",
    ),
    "pilot_goal_picture": (
        "The {goal!w} of both runs by step. Values within the band do not differ from the last one "
        "of the conservative run by more than the spread.",
        "2 つの実行の{goal!w}（ステップごと）。帯の中の値は、控えめな実行の最後の値との差が、"
        "誤差の幅を超えません。",
    ),
    "pilot_margin_picture": (
        "The margin of both runs by step: further up is better.",
        "2 つの実行のマージン（ステップごと）。上にあるほど良い結果です。",
    ),
    "pilot_held_out_picture": (
        "The error rate of both runs on the test rows, by step.",
        "テスト用の行での 2 つの実行の誤り率（ステップごと）。",
    ),
    "label_conservative": ("conservative stepsize", "控えめなステップサイズ"),
    "label_recommended_run": ("recommended stepsize", "推奨するステップサイズ"),
    "label_spread": ("spread of the difference", "差の誤差の幅"),
    "pilot_table": (
        "On {n_rows:row(s)} that neither run saw, the {goal!w} of the recommended run minus "
        "that of the conservative one is {mean:+.3g}, with a spread of {spread:.3g}: two standard "
        "errors",
        "どちらの実行にも使っていない {n_rows} 行での{goal!w}の差（推奨 − 控えめ）は {mean:+.3g}、"
        "誤差の幅（標準誤差の 2 倍）は {spread:.3g} です",
    ),
    "pilot_table_learnt": (
        "Both runs learn from {n_rows:row(s)}, on which their {goal!w} is compared",
        "2 つの実行は {n_rows} 行で学習し、同じ行での{goal!w}を比較します",
    ),
    "pilot_conservative": ("Conservative, {stepsize:.4g}", "控えめ {stepsize:.4g}"),
    "pilot_recommended": ("Recommended, {stepsize:.4g}", "推奨 {stepsize:.4g}"),
    "pilot_ended": ("How it ended", "終わり方"),
    "pilot_steps": ("Steps taken", "実行したステップ数"),
    "pilot_test_loss": ("Loss on the test rows", "テスト用の行での損失"),
    "pilot_test_error": ("Error rate on the test rows", "テスト用の行での誤り率"),
    "pilot_increases": ("Steps that increased the loss", "損失が増えたステップ数"),
    "pilot_last_increase": ("Last increase of the loss", "損失の最後の増加"),
    "pilot_largest_increase": ("Largest increase, times", "最大の増加（倍）"),
    "pilot_matched": (
        "As good as the conservative run ends, from step",
        "控えめな実行の最終結果と同じ水準になるステップ",
    ),
    "pilot_seconds": ("Time of its steps", "ステップの時間"),
    "pilot_costs": ("What it costs and what it saves", "費用と節約"),
    "pilot_cost": ("This pilot", "このパイロット"),
    "pilot_cost_is": (
        "{passes:.0f} passes over the data, {seconds:seconds}",
        "データの走査 {passes:.0f} 回、{seconds:seconds}",
    ),
    "pilot_memory": ("Memory of a run", "実行のメモリ"),
    "pilot_memory_is": (
        "{bytes:bytes} besides the data, with either stepsize",
        "データのほかに {bytes:bytes}（どちらのステップサイズでも同じ）",
    ),
    "pilot_time": ("Time of a run", "実行の時間"),
    "pilot_time_is": (
        "{seconds:seconds} for {n_steps:step(s)}, as predicted before",
        "{n_steps} ステップで {seconds:seconds}（事前の予測）",
    ),
    "pilot_saving": ("To the same result", "同じ水準まで"),
    "pilot_saving_is": (
        "{passes} fewer passes, of {all}, and about {seconds:seconds} less, of "
        "{whole_seconds:seconds}",
        "データの走査 {all} 回のうち {passes} 回と、約 {whole_seconds:seconds} のうち約 "
        "{seconds:seconds} を節約します",
    ),
    "pilot_saves_nothing": ("nothing is saved", "節約にはなりません"),
    "pilot_not_matched": (
        "the recommended run did not get as far",
        "推奨した実行は同じ水準に達しませんでした",
    ),
    "pilot_sure_separated": (
        "Some weights classify all rows correctly that the runs learnt from: those of the "
        "recommended run did at step {step}.",
        "学習に使ったすべての行を正しく分類する重みが存在します。推奨した実行のステップ {step} の"
        "重みがそうです。",
    ),
    "pilot_trial_complete": (
        "Some weights classify all rows of the trial correctly.",
        "試行に使ったすべての行を正しく分類する重みが存在します。",
    ),
    "pilot_trial_none": (
        "No weights classify all rows of the trial correctly.",
        "試行に使ったすべての行を正しく分類する重みは存在しません。",
    ),
    "pilot_once": (
        "Both runs were compared once, on one division of the rows.",
        "2 つの実行の比較は、一つの行の分け方で一度だけ行いました。",
    ),
    "pilot_trial_only": (
        "Only the trial was made, on {n_trial:row(s)}.",
        "行ったのは {n_trial} 行での試行だけです。",
    ),
    "pilot_network": (
        "The two-layer network itself was not run: what holds here need not hold there.",
        "二層ネットワークそのものは実行していません。"
        "ここで成り立つことが、そこで成り立つとは限りません。",
    ),
    "pilot_again": (
        "With your data and its other arguments; with folder= an interrupted pilot goes on where "
        "it was.",
        "データと、そのほかの引数とともに実行してください。folder= を渡すと、"
        "中断されたパイロットを続きから再開できます。",
    ),
    "pilot_run_again": (
        "To run the recommended stepsize on all rows, with your other arguments:",
        "推奨するステップサイズを全データで実行するには、そのほかの引数とともに次のようにします。",
    ),
}
