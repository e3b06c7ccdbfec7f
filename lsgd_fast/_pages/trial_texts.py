"""The texts of the page of a staged trial, and those that several pages share."""

SHARED = {
    "foot": (
        "Written by lsgd_fast {version}. This page needs no network and no other file.",
        "lsgd_fast {version} が作成しました。このページには、通信も他のファイルも要りません。",
    ),
    "gap": (", ", "、"),  # between the members of a list
    "no_picture": (
        "A picture needs matplotlib: pip install matplotlib, and write the page again.",
        "図を描くには matplotlib が必要です。pip install matplotlib のあと、"
        "ページを作り直してください。",
    ),
    "stepsize": ("Stepsize", "ステップサイズ"),
    "how_sure": ("How sure this is", "どこまで確かか"),
    "proved": ("Proved", "証明されていること"),
    "observed": ("Observed, not proved", "観察されたこと（証明ではない）"),
    "not_tried": ("Not tried, or not known", "試していないこと、分からないこと"),
    "nothing_proved": ("Nothing.", "ありません。"),
    "again": ("To run it", "実行するには"),
    "words": ("Words", "用語"),
    "never": ("never", "なし"),
    "word_and_meaning": ("{word}: {meaning}", "{word}：{meaning}"),
    "axis_loss": ("loss", "損失"),
    "axis_objective": ("loss with its penalty", "正則化項を含む損失"),
    "axis_held_out_loss": ("held-out loss", "取り置いたデータの損失"),
    "axis_held_out_error": ("held-out error rate", "取り置いたデータの誤り率"),
    "axis_margin": ("margin", "マージン"),
    "axis_steps": ("steps to the target", "目標までのステップ数"),
    "axis_stepsize": ("stepsize", "ステップサイズ"),
    "axis_step": ("step", "ステップ"),
    "label_samples": ("{middle!w} of {n} {samples!w}", "{samples!w} {n} 個の{middle!w}"),
    "median": ("median", "中央値"),
    "mean": ("mean", "平均"),
    "label_sample": ("one of the {samples!w}", "{samples!w}"),
    "label_whole": ("{whole!w}", "{whole!w}"),
    "label_range": ("range of {n} {samples!w}", "{samples!w} {n} 個の範囲"),
    "label_unsettled": ("unsettled", "未決着"),
    "label_failed": ("cycling or diverged", "循環または発散"),
    "label_recommended": ("recommended stepsize", "推奨するステップサイズ"),
    "label_unstable_phase": ("unstable phase", "不安定期"),
    "label_close_steps": ("range of close steps", "近いステップの範囲"),
    "label_last_increase": ("last increase", "最後の増加"),
    "label_certified": ("no increase from here on, proved", "これ以降は増えない（証明済み）"),
    "label_diverged": ("diverged", "発散"),
}

TRIAL = {
    "trial_title": (
        "Staged trial: which stepsize to use",
        "段階的な試行：どのステップサイズを使うか",
    ),
    # what the parts of a trial are called, of rows and of training loops
    "samples": ("samples", "標本"),
    "seeds": ("seeds", "シード"),
    "all_rows": ("all rows", "全データ"),
    "one_more_seed": ("one more seed", "もう一つのシード"),
    "most_seeds": ("most seeds and on one more", "過半数のシードともう一つのシード"),
    # the answer
    "trial_use": (
        "Use the stepsize {stepsize:.6g}: on {whole!w} it {ending!w}.",
        "ステップサイズ {stepsize:.6g} を使ってください。{whole!w}で、{ending!w}。",
    ),
    "trial_none": (
        "Use none of these stepsizes: none held on {needed!w} within {n_steps:step(s)}.",
        "試したステップサイズはどれも使わないでください。{n_steps} ステップ以内に、"
        "{needed!w}で成り立ったものはありません。",
    ),
    "trial_infinite": (
        "Use none of these stepsizes: where they held, what is held out was infinite or not a "
        "number, so there is nothing to choose by.",
        "試したステップサイズはどれも使わないでください。成り立ったものはありますが、取り置いた"
        "データでの値が無限大か、数ではないため、選ぶ根拠がありません。",
    ),
    "trial_ended": (
        "There is no answer: the trial was ended before its runs on {whole!w}.",
        "答えはありません。{whole!w}で確かめる前に、試行が打ち切られました。",
    ),
    "answer_separated": ("classified every row correctly", "すべての行が正しく分類されました"),
    "answer_reached": ("reached the target", "目標に達しました"),
    "answer_stable": ("is stable", "安定しました"),
    "trial_best": (
        "{what}: {best}. With the smallest stepsize that was tried, {small:.4g}, it is {other}.",
        "{what}は {best} です。試した最小のステップサイズ {small:.4g} では {other} です。",
    ),
    "trial_smallest": (
        "It is the smallest stepsize tried; no larger one that held on {whole!w} did better.",
        "これは試した中で最小のステップサイズです。{whole!w}で成り立った、より大きいものに、"
        "これより良いものはありませんでした。",
    ),
    "trial_largest": (
        "It is the largest stepsize tried: larger ones may do better still.",
        "これは試した中で最大のステップサイズです。さらに大きいほうが良い可能性があります。",
    ),
    # what was asked
    "trial_asked": ("What was tried", "何を試したか"),
    "goal": ("Looked for", "目的"),
    "goal_loss": ("the lowest loss", "損失を最小にする"),
    "goal_objective": ("the lowest loss with its penalty", "正則化項を含む損失を最小にする"),
    "goal_held_out_loss": (
        "the lowest loss on rows outside of the sample",
        "標本に入っていない行での損失を最小にする",
    ),
    "goal_held_out_error": (
        "the fewest errors on rows outside of the sample",
        "標本に入っていない行での誤りを最少にする",
    ),
    "goal_margin": ("the largest margin", "マージンを最大にする"),
    "goal_steps": ("the fewest steps to a target", "目標までのステップ数を最少にする"),
    "data": ("Data", "データ"),
    "rows_features": (
        "{rows:row(s)}, {features:feature(s)}, {classes} classes",
        "{rows} 行、特徴量 {features} 個、{classes} クラス",
    ),
    "intercept": ("with an intercept", "切片あり"),
    "penalty": ("penalty l2 = {l2:.4g}", "正則化 l2 = {l2:.4g}"),
    "runs": ("Runs", "実行"),
    "stages_of_samples": (
        "{stages} stepsizes, up to {n_steps:step(s)} each, on {n_samples} samples of "
        "{rows:row(s)}, then on all rows",
        "ステップサイズ {stages} 通り、各 {n_steps} ステップまで。{rows} 行の標本 {n_samples} 個で"
        "試し、次に全データで確かめました",
    ),
    "stages_of_seeds": (
        "{stages} stepsizes, up to {n_steps:step(s)} each, on {n_samples} seeds, then on one more",
        "ステップサイズ {stages} 通り、各 {n_steps} ステップまで。シード {n_samples} 個で試し、"
        "次にもう一つのシードで確かめました",
    ),
    "stages_of_all": (
        "{stages} stepsizes, up to {n_steps:step(s)} each, on all rows",
        "ステップサイズ {stages} 通り、各 {n_steps} ステップまで、全データで",
    ),
    "cost": ("Cost", "費用"),
    "cost_passes": (
        "{passes:.0f} passes over the data, as many as {n_steps:step(s)} take {times} times",
        "データの読み込み {passes:.0f} 回（{n_steps} ステップの実行 {times} 回分）",
    ),
    "cost_steps": ("{steps:step(s)} in all", "全部で {steps} ステップ"),
    "training_loop": (
        "a training loop, of which only the losses are known",
        "学習ループ（損失だけが分かっています）",
    ),
    "goal_held_out_losses": ("the lowest held-out loss", "取り置いたデータの損失を最小にする"),
    # the picture
    "trial_picture": (
        "What the runs ended with, by stepsize: further down is better.",
        "ステップサイズごとの、実行の終わりの値。下にあるほど良い結果です。",
    ),
    "trial_picture_up": (
        "What the runs ended with, by stepsize: further up is better.",
        "ステップサイズごとの、実行の終わりの値。上にあるほど良い結果です。",
    ),
    # tables
    "by_stepsize": ("Every stepsize that was tried", "試したすべてのステップサイズ"),
    "on_samples": ("On {samples!w}", "{samples!w}"),
    "on_whole": ("On {whole!w}", "{whole!w}"),
    "loss_on_samples": ("Loss on {samples!w}", "{samples!w}での損失"),
    "loss_on_whole": ("Loss on {whole!w}", "{whole!w}での損失"),
    "measure_on_samples": ("{what}, {samples!w}", "{what}（{samples!w}）"),
    "measure_on_whole": ("{what}, {whole!w}", "{what}（{whole!w}）"),
    "measure_on_new": ("{what}, new {samples!w}", "{what}（新しい{samples!w}）"),
    "not_run": ("not run", "未実行"),
    "ending_separated": ("separated", "分離"),
    "ending_reached": ("reached the target", "目標に到達"),
    "ending_stable": ("stable", "安定"),
    "ending_undecided": ("undecided", "保留"),
    "ending_unstable": ("unstable", "不安定"),
    "ending_cycling": ("cycling", "循環"),
    "ending_diverged": ("diverged", "発散"),
    "share_of": ("{word} {part} of {whole}", "{word} {whole} 個中 {part} 個"),
    "at_steps": ("step {steps}", "ステップ {steps}"),
    "mark_passed": ("passed", "合格"),
    "mark_held": ("held", "成立"),
    "mark_failed": ("failed", "失敗"),
    "mark_unsettled": ("unsettled", "未決着"),
    "compared": (
        "Runs of up to {n_steps:step(s)} with the smallest stepsize and with the recommended one. "
        "New {samples!w} had no part in the choice",
        "最小のステップサイズと推奨するステップサイズの比較（各 {n_steps} ステップまで）。"
        "新しい{samples!w}は選択には使っていません",
    ),
    "results": ("The results by stepsize", "ステップサイズごとの結果"),
    "smallest_stepsize": (
        "Smallest stepsize, {stepsize:.4g}",
        "最小のステップサイズ {stepsize:.4g}",
    ),
    "recommended_stepsize": (
        "Recommended stepsize, {stepsize:.4g}",
        "推奨するステップサイズ {stepsize:.4g}",
    ),
    "measure": ("Measure", "指標"),
    "last_loss": ("Last loss", "最後の損失"),
    "last_objective": ("Last loss with penalty", "最後の損失（正則化項を含む）"),
    "steps_to_separation": ("Steps to separation", "分離までのステップ数"),
    "steps_to_target": ("Steps to the target", "目標までのステップ数"),
    "margin": ("Margin", "マージン"),
    "held_out_loss": ("Held-out loss", "取り置いたデータの損失"),
    "held_out_error": ("Held-out error rate", "取り置いたデータの誤り率"),
    # how sure
    "sure_separated": (
        "Some weights classify every row correctly: those of the recommended run do.",
        "すべての行を正しく分類する重みが存在します。推奨した実行の重みがそうです。",
    ),
    "sure_complete": (
        "Some weights classify every row correctly.",
        "すべての行を正しく分類する重みが存在します。",
    ),
    "sure_not_separable": (
        "No weights classify every row correctly.",
        "すべての行を正しく分類する重みは存在しません。",
    ),
    "sure_rows": (
        "The recommended stepsize was run on all rows, and the same call repeats that run.",
        "推奨したステップサイズは全データで実行しました。同じ呼び出しで同じ実行を繰り返せます。",
    ),
    "sure_calm": (
        "The loss never increased, and the stepsize is at most 1 over the estimated smoothness, "
        "{smoothness:.3g}.",
        "損失は一度も増えず、ステップサイズは「1 ÷ 推定した平滑度 {smoothness:.3g}」以下です。",
    ),
    "sure_evidence": ("The evidence, in English: {evidence}", "根拠（英語）：{evidence}"),
    "sure_seed": (
        "The recommended stepsize was run on one more seed, {seed:d}. Losses are all that is known "
        "of these runs.",
        "推奨したステップサイズは、もう一つのシード {seed:d} で実行しました。"
        "これらの実行について分かっているのは損失だけです。",
    ),
    "sure_never": ("Its loss never increased.", "損失は一度も増えませんでした。"),
    "sure_new": (
        "It held on {part} of {n} new {samples!w}, which had no part in the choice.",
        "選択に使わなかった新しい{samples!w} {n} 個のうち {part} 個で成り立ちました。",
    ),
    "sure_better": (
        "On these {samples!w} the smallest stepsize did better in the mean: {what} {other}, "
        "against {this}.",
        "ただし、その{samples!w}の平均では、最小のステップサイズのほうが良い結果でした"
        "（{what} {other}、推奨した方は {this}）。",
    ),
    "sure_misled": (
        "Stepsizes that passed on the samples and did not hold on all rows: {part}. A sample "
        "can be "
        "easier than all rows.",
        "標本では合格し、全データでは成り立たなかったステップサイズが {part} 個あります。"
        "標本は全データより易しいことがあります。",
    ),
    "sure_misled_seeds": (
        "Stepsizes that passed on the seeds and did not hold on one more: {part}. A run that goes "
        "well with one seed need not with another.",
        "シードでは合格し、もう一つのシードでは成り立たなかったステップサイズが {part} 個あります。"
        "あるシードでうまくいっても、別のシードでうまくいくとは限りません。",
    ),
    "sure_unsettled": (
        "Unsettled when their steps ended: stepsizes {stepsizes}. Their loss may still go up and "
        "down, which is neither success nor failure.",
        "ステップを使い切っても決着しなかったステップサイズ：{stepsizes}。"
        "損失はまだ上下する可能性があり、"
        "成功とも失敗とも言えません。",
    ),
    "sure_early": (
        "In {part} of {whole} runs the training loop ended by itself, after {steps} of "
        "{n_steps:step(s)}.",
        "{whole} 回の実行のうち {part} 回では、学習ループが {n_steps} ステップのうち {steps} "
        "ステップで自ら終わりました。",
    ),
    "sure_overlap": (
        "Samples of {share} of the rows overlap, so their ranges are too narrow.",
        "標本は行の {share} を含み、互いに重なるので、その範囲は狭すぎます。",
    ),
    "open_data": (
        "Other data, other initial weights and more steps were not tried.",
        "別のデータ、別の初期値、より多いステップは試していません。",
    ),
    "open_data_seeds": (
        "Other seeds, other data and more steps were not tried.",
        "別のシード、別のデータ、より多いステップは試していません。",
    ),
    "open_losses": (
        "With fewer than {least} losses no stepsize but the smallest is called stable, unless its "
        "loss comes to rest.",
        "損失が {least} 個に満たないと、最小のもの以外のステップサイズは、損失が変わらなくなった"
        "場合を除いて、安定したとは判定されません。",
    ),
    "open_larger": (
        "Larger stepsizes than {stepsize:.4g} were not tried.",
        "{stepsize:.4g} より大きいステップサイズは試していません。",
    ),
    "open_separation": (
        "Whether any weights classify every row correctly is not known.",
        "すべての行を正しく分類する重みがあるかどうかは、分かっていません。",
    ),
    "open_target": (
        "How the run would go on after its target is not known.",
        "目標に達した後どうなるかは、分かっていません。",
    ),
    "open_loss": (
        "Within these steps it was not yet clear whether the loss increases again.",
        "このステップ数では、損失がまた増えるかどうかは、まだはっきりしていません。",
    ),
    "trial_again": (
        "The same call of staged_trial repeats the trial. To use the stepsize, with your other "
        "arguments:",
        "同じ staged_trial の呼び出しで試行を繰り返せます。このステップサイズを使うには、"
        "その他の引数とともに次のようにします。",
    ),
    "trial_again_seeds": (
        "The same call of staged_trial repeats the trial. Train your model with this stepsize:",
        "同じ staged_trial の呼び出しで試行を繰り返せます。"
        "このステップサイズでモデルを学習させるには次のようにします。",
    ),
    # words
    "means_separated": (
        "at the step named, every row is classified correctly",
        "書かれたステップで、すべての行が正しく分類されている",
    ),
    "means_reached": ("a target that was asked for is met", "指定した目標を満たした"),
    "means_stable": (
        "the {loss!w} does not increase any more, as far as can be told",
        "分かる範囲では、{loss!w}はもう増えない",
    ),
    "means_undecided": (
        "too early to tell whether the {loss!w} increases again",
        "{loss!w}がまた増えるかどうか、判断するには早すぎる",
    ),
    "means_unstable": (
        "the {loss!w} still went up and down when the steps ended",
        "ステップが終わったとき、{loss!w}はまだ上下していた",
    ),
    "means_cycling": (
        "the weights return to where they were, without progress",
        "重みが元の場所に戻り、先に進まない",
    ),
    "means_diverged": (
        "the {loss!w} or the weights overflowed float64",
        "{loss!w}または重みが float64 の範囲を超えた",
    ),
    "means_passed": (
        "the stepsize held on more than half of the {samples!w}",
        "半数を超える{samples!w}で成り立った",
    ),
    "means_held": (
        "the run separated the rows, met a target or is stable",
        "実行がデータを分離したか、目標に達したか、安定した",
    ),
    "means_held_losses": (
        "the run met a target or is stable; the first stepsize, if its loss never increased",
        "実行が目標に達したか、安定した。最初のステップサイズは、損失が一度も増えなかった場合も含む",
    ),
    "means_cycling_losses": (
        "the loss goes up and down, as far as ever, without progress",
        "損失が同じ幅で上下し続け、先に進まない",
    ),
    "means_diverged_losses": (
        "the loss was infinite or not a number",
        "損失が無限大になったか、数ではなくなった",
    ),
    "means_held_penalty": (
        "the run met a target or is stable",
        "実行が目標に達したか、安定した",
    ),
    "means_unsettled": (
        "neither yet; more steps may tell",
        "どちらでもない。より多いステップで分かる可能性がある",
    ),
    "means_failed": ("cycled or diverged", "循環または発散した"),
    "means_margin": (
        "the distance of the nearest row from the boundary, negative on the wrong side",
        "境界に最も近い行までの距離。誤った側では負になる",
    ),
    "means_margin_softmax": (
        "the least lead of a row's own class, over the norm of the weights",
        "行の正しいクラスの得点が他をどれだけ上回るかの最小値を、重みのノルムで割ったもの",
    ),
}
