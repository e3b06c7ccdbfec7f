"""The sentences of the evidence for a verdict. Keys say what is proved, seen or open."""

EVIDENCE = {
    "objective": ("objective", "目的関数"),
    "loss": ("loss", "損失"),
    "diverged": (
        "The loss or the weights overflowed float64.",
        "損失または重みが float64 の範囲を超えました。",
    ),
    "proved_certified": (
        "Stepsize * R^2 * loss is at most 1 at step {step}, where R is the largest norm of a row: "
        "from there on theory guarantees that the loss falls.",
        "ステップ {step} で「ステップサイズ × R² × 損失」が 1 以下になりました（R "
        "は行のノルムの最大値）。"
        "それ以降は損失が減り続けることを理論が保証します。",
    ),
    "proved_small": (
        "Stepsize * ({bound} + l2) is at most 2, where R is the largest norm of a row: with such a "
        "stepsize the {name!w} never increases.",
        "「ステップサイズ × ({bound} + l2)」が 2 以下です（R は行のノルムの最大値）。"
        "このようなステップサイズでは{name!w}は決して増えません。",
    ),
    "proved_zero_loss": (
        "The loss is exactly zero: no step lowers it, and the run ends there.",
        "損失がちょうど 0 なので、これ以上は減らず、実行はそこで終わります。",
    ),
    "proved_at_rest": (
        "The gradient is exactly zero: the weights do not move.",
        "勾配が厳密に 0 なので、重みは動きません。",
    ),
    "proved_separated": (
        "The data were separated at step {step}.",
        "ステップ {step} でデータが分離されました。",
    ),
    "proved_separated_theorem": (
        "The data were separated at step {step}, and then every constant stepsize becomes stable "
        "(Theorem 1).",
        "ステップ {step} でデータが分離されました。このとき、一定のステップサイズはすべて、"
        "いずれ安定します（定理 1）。",
    ),
    "proved_separated_classes": (
        "The data were separated at step {step}, and then every constant stepsize becomes stable.",
        "ステップ {step} でデータが分離されました。このとき、一定のステップサイズはすべて、"
        "いずれ安定します。",
    ),
    "proved_margin": (
        "No direction has a margin above {margin:.2g} R.",
        "マージンが {margin:.2g} R を超える方向はありません。",
    ),
    "seen_calm": (
        "The {name!w} never increased in {n_steps:step(s)}.",
        "{n_steps} ステップの間、{name!w}は一度も増えませんでした。",
    ),
    "seen_increases": (
        "The {name!w} increased {n_increases:time(s)} in {n_steps:step(s)}, last at step {last}, "
        "by a factor of at most {most:.3g}.",
        "{n_steps} ステップのうち {n_increases} 回{name!w}が増えました。最後はステップ {last}、"
        "最大で {most:.3g} 倍でした。",
    ),
    "seen_window": (
        "In the last {n_steps} it increased {n_increases:time(s)}, was between {low:.6g} and "
        "{high:.6g}, and fell by {fall:.3g} where its gradients promised {promise:.3g}.",
        "最後の {n_steps} ステップでは {n_increases} 回増え、{low:.6g} から {high:.6g} の間にあり、"
        "勾配から見込まれる減少 {promise:.3g} に対して {fall:.3g} 減りました。",
    ),
    "seen_window_no_fall": (
        "In the last {n_steps} it increased {n_increases:time(s)}, was between {low:.6g} and "
        "{high:.6g}, and did not fall, where its gradients promised {promise:.3g}.",
        "最後の {n_steps} ステップでは {n_increases} 回増え、{low:.6g} から {high:.6g} の間にあり、"
        "勾配から見込まれる減少 {promise:.3g} に対して、減りませんでした。",
    ),
    "seen_vanished": (
        "Its gradient has vanished but for rounding. This is observed, not proved.",
        "勾配は丸め誤差を除いて 0 になりました。これは観察であり、証明ではありません。",
    ),
    "seen_settling": (
        "It falls as its gradient promises, and that shrinks: observed, not proved.",
        "勾配の見込みどおりに減り、その見込みも小さくなっています。これは観察であり、"
        "証明ではありません。",
    ),
    "seen_return": (
        "The weights returned to within {drift:.2g} of their path.",
        "重みは、たどった道のりの {drift:.2g} 倍以内のところまで戻ってきました。",
    ),
    "open_few_steps": (
        "Too short to tell: {n_steps:step(s)}, fewer than {least}.",
        "短すぎて判定できません（{n_steps} ステップ。{least} ステップ以上が必要です）。",
    ),
    "open_short": (
        "Too short to tell: nothing is proved, and there are fewer than {least}.",
        "証明がなく、{least} ステップに満たないので、短すぎて判定できません。",
    ),
    "open_short_calm": (
        "The calm since then is too short to tell.",
        "その後の落ち着いた期間が短すぎて、判定できません。",
    ),
    "open_sharp": (
        "Nothing is proved, and rows far out may make it sharp at any time.",
        "証明がなく、遠く離れた行のために、いつでも鋭い曲がりが現れるおそれがあります。",
    ),
    "open_hardly_shrinks": (
        "Too short to tell: nothing is proved, and its gradient hardly shrinks.",
        "証明がなく、勾配もほとんど小さくなっていないので、短すぎて判定できません。",
    ),
    "open_network": (
        "No theorem says that it stays so: the loss of a network is not convex.",
        "この先もそうだという定理はありません。ネットワークの損失は凸ではないからです。",
    ),
    # of losses alone, or of means over several
    "seen_calm_means": (
        "The mean of {n_averaged} losses never increased by more than its noise in "
        "{n_steps:epoch(s)}.",
        "{n_steps} エポックの間、損失 {n_averaged} 個の平均が雑音を超えて増えたことは"
        "一度もありません。",
    ),
    "seen_increases_signed": (
        "The {name!w} increased {n_increases:time(s)} in {n_steps:step(s)}, last at step {last}.",
        "{n_steps} ステップのうち {n_increases} 回{name!w}が増えました。"
        "最後はステップ {last} でした。",
    ),
    "seen_increases_means": (
        "The mean of {n_averaged} losses increased by more than its noise {n_increases:time(s)} in "
        "{n_steps:epoch(s)}, last at epoch {last}, by a factor of at most {most:.3g}.",
        "{n_steps} エポックのうち {n_increases} 回、損失 {n_averaged} 個の平均が雑音を超えて"
        "増えました。最後はエポック {last}、最大で {most:.3g} 倍でした。",
    ),
    "seen_increases_means_signed": (
        "The mean of {n_averaged} losses increased by more than its noise {n_increases:time(s)} in "
        "{n_steps:epoch(s)}, last at epoch {last}.",
        "{n_steps} エポックのうち {n_increases} 回、損失 {n_averaged} 個の平均が雑音を超えて"
        "増えました。最後はエポック {last} でした。",
    ),
    "seen_window_path": (
        "In the last {n_steps} it increased {n_increases:time(s)}, was between {low:.6g} and "
        "{high:.6g}, and fell by {fall:.3g} on a path of {promise:.3g} up and down.",
        "最後の {n_steps} 回では {n_increases} 回増え、{low:.6g} から {high:.6g} の間にあり、"
        "上下の変化の合計 {promise:.3g} に対して {fall:.3g} 減りました。",
    ),
    "seen_window_path_no_fall": (
        "In the last {n_steps} it increased {n_increases:time(s)}, was between {low:.6g} and "
        "{high:.6g}, and did not fall on a path of {promise:.3g} up and down.",
        "最後の {n_steps} 回では {n_increases} 回増え、{low:.6g} から {high:.6g} の間にあり、"
        "上下の変化の合計 {promise:.3g} に対して、減りませんでした。",
    ),
    "seen_changes_vanished": (
        "Its changes have vanished but for rounding.",
        "その変化は、丸め誤差を除いて 0 になりました。",
    ),
    "seen_falling": (
        "It falls without turning back, more and more slowly.",
        "後戻りせずに減り続け、減り方はだんだん緩やかになっています。",
    ),
    "seen_bad": (
        "The loss was {loss} at update {step}.",
        "更新 {step} で損失が {loss} になりました。",
    ),
    "open_nothing": ("Nothing was observed yet.", "まだ何も観察されていません。"),
    "open_few_losses": (
        "Too short to tell: {n_steps:step(s)} observed, fewer than {least}.",
        "短すぎて判定できません（観察は {n_steps} ステップ。{least} ステップ以上が必要です）。",
    ),
    "open_few_means": (
        "Too short to tell: {n_steps:epoch(s)} observed, fewer than {least}.",
        "短すぎて判定できません（観察は {n_steps} エポック。{least} エポック以上が必要です）。",
    ),
    "open_short_losses": (
        "Too short to tell: there are fewer than {least:step(s)}.",
        "{least} ステップに満たないので、短すぎて判定できません。",
    ),
    "open_short_means": (
        "Too short to tell: there are fewer than {least:epoch(s)}.",
        "{least} エポックに満たないので、短すぎて判定できません。",
    ),
    "open_noise": (
        "It is level within its noise, {noise:.3g}, where a cycle may hide.",
        "雑音 {noise:.3g} の範囲で横ばいなので、その中に循環が隠れているおそれがあります。",
    ),
    "open_saddle": (
        "Its gradients promise more and more, as where it leaves a saddle.",
        "勾配から見込まれる減少がだんだん大きくなっています。鞍点を離れるときのようです。",
    ),
    "open_not_fallen": (
        "It has not fallen below its first value, which tells nothing.",
        "最初の値より下がっていないので、何も分かりません。",
    ),
    "open_above_lowest": (
        "It rests above its lowest, {lowest:.6g}: it may jump between equal losses.",
        "最小の値 {lowest:.6g} より上で止まっています。"
        "等しい損失の間を行き来しているおそれがあります。",
    ),
    "open_hardly_shorter": (
        "Too short to tell: its steps hardly get shorter.",
        "変化がほとんど小さくなっていないので、短すぎて判定できません。",
    ),
    "seen_reads": (
        "{n_steps:iteration(s)}, {n_passes:read(s)} of X.",
        "反復 {n_steps} 回、X の読み込み {n_passes} 回。",
    ),
    "seen_no_increase": (
        "The {name!w} never increased.",
        "{name!w}は一度も増えませんでした。",
    ),
    "seen_iterations_up": (
        "The {name!w} increased {n_increases:time(s)}, last in iteration {last}.",
        "{name!w}が {n_increases} 回増えました。最後は反復 {last} でした。",
    ),
    "proved_separated_minimum": (
        "The data were separated at iteration {step}: longer weights of the same direction have a "
        "loss as small as you like.",
        "反復 {step} でデータが分離されました。同じ向きに重みを長くすれば、"
        "損失はいくらでも小さくなります。",
    ),
    "proved_no_minimum": (
        "The loss has no minimum: it falls for ever as {growing} to infinity. A penalty (l2 > 0) "
        "gives it one; lsgd_fast.separation shows the rows.",
        "損失には最小値がなく、いくらでも減り続けます（{growing} to infinity）。"
        "正則化 (l2 > 0) をすれば最小値を持ちます。どの行かは lsgd_fast.separation が示します。",
    ),
    "seen_converged": (
        "Converged: the gradient is {share:.2g} of what the rows would make if they all pulled the "
        "same way.",
        "収束しました。勾配は、すべての行が同じ向きに引く場合の {share:.2g} 倍です。",
    ),
    "seen_converged_entries": (
        "Converged: the gradient by each feature is at most {share:.2g} of what the rows would "
        "make "
        "if they all pulled the same way.",
        "収束しました。どの特徴量についても、勾配は、すべての行が同じ向きに引く場合の "
        "{share:.2g} 倍以下です。",
    ),
    "open_gradient": (
        "Not converged: the gradient is {share:.2g} of what the rows would make if they all pulled "
        "the same way.",
        "収束していません。勾配は、すべての行が同じ向きに引く場合の {share:.2g} 倍です。",
    ),
    "open_gradient_entry": (
        "Not converged: the gradient by some feature is {share:.2g} of what the rows would make if "
        "they all pulled the same way.",
        "収束していません。ある特徴量について、勾配は、すべての行が同じ向きに引く場合の "
        "{share:.2g} 倍です。",
    ),
}
