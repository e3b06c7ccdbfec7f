"""The texts of the page of a run."""

from lsgd_fast._text import ENDINGS

STOPS = {
    "n_steps": "指定されたステップをすべて実行しました",
    "zero_loss": "損失がちょうど 0 になりました",
    "loss": "損失が指定された値まで下がりました",
    "gradient_norm": "勾配が指定された値まで小さくなりました",
    "separated": "すべての行が正しく分類されました",
    "unstable_steps": "許された時期を過ぎて損失が増えました",
    "validation_patience": "取り置いたデータの損失が良くならなくなりました",
    "cycling": "重みが循環し、先に進みません",
    "seconds": "許された時間が過ぎました",
    "callback": "コールバックが終わらせました",
    "diverged": "損失または重みが float64 の範囲を超えました",
    "converged": "勾配が許容誤差の範囲で 0 になりました",
    "max_passes": "許された回数だけデータを読みました",
    "rounding": "丸め誤差のため、これ以上の減少が見えません",
    "no_minimum": "損失に最小値がないことが証明されました",
}

RUN = {
    "run_title": ("Run of gradient descent", "勾配降下法の実行"),
    "run_title_minimize": ("Run of minimize", "minimize の実行"),
    "run_stable_proved": (
        "The run is stable, as is proved: its loss is {loss} after {n_steps:step(s)}.",
        "実行は安定しました（証明済み）。{n_steps} ステップ後の損失は {loss} です。",
    ),
    "run_stable": (
        "The run is stable as far as was observed: its loss is {loss} after {n_steps:step(s)}.",
        "観察した範囲では、実行は安定しました。{n_steps} ステップ後の損失は {loss} です。",
    ),
    "run_unstable": (
        "The run is not stable: its loss still goes up and down, and is {loss} after "
        "{n_steps:step(s)}.",
        "実行は安定していません。損失はまだ上下しており、{n_steps} ステップ後は {loss} です。",
    ),
    "run_cycling": (
        "The run cycles without progress: its loss is {loss} after {n_steps:step(s)}.",
        "実行は循環していて、先に進みません。{n_steps} ステップ後の損失は {loss} です。",
    ),
    "run_diverged": (
        "The run diverged after {n_steps:step(s)}: take a smaller stepsize.",
        "実行は {n_steps} ステップで発散しました。ステップサイズを小さくしてください。",
    ),
    "run_diverged_minimize": (
        "The run diverged after {n_steps:iteration(s)}.",
        "実行は反復 {n_steps} 回で発散しました。",
    ),
    "run_undecided": (
        "It is too early to tell whether the run is stable: its loss is {loss} after "
        "{n_steps:step(s)}.",
        "安定したかどうか、まだ判定できません。{n_steps} ステップ後の損失は {loss} です。",
    ),
    "run_unmonitored": (
        "The run took {n_steps:step(s)} and was not monitored: its loss is {loss}.",
        "実行は {n_steps} ステップで、監視していません。損失は {loss} です。",
    ),
    "run_no_minimum": (
        "The loss has no minimum, as is proved: a penalty would give it one.",
        "損失に最小値がないことが証明されました。正則化をすれば最小値を持ちます。",
    ),
    "run_ended": ("Why it ended: {why!w}.", "終わった理由：{why!w}。"),
    "run_separated": (
        "At step {step} every row was classified correctly, as the weights of that step prove.",
        "ステップ {step} ですべての行が正しく分類されました。その重みが証明です。",
    ),
    "run_picture": (
        "The loss of every step; both axes are logarithmic where the numbers allow it.",
        "各ステップの損失。数値が許すかぎり、両軸は対数目盛りです。",
    ),
    "run_more": (
        "Other data, other initial weights, other stepsizes and more steps were not tried.",
        "別のデータ、別の初期値、別のステップサイズ、より多いステップは試していません。",
    ),
    "run_not_monitored": (
        "The run was not monitored, so there is no verdict.",
        "監視していないので、判定はありません。",
    ),
    "run_facts": ("The run in numbers", "数値で見る実行"),
    "fact_verdict": ("Verdict", "判定"),
    "fact_stop": ("Why it ended", "終わった理由"),
    "fact_steps": ("Steps", "ステップ数"),
    "fact_seconds": ("Time", "時間"),
    "seconds_threads": (
        "{seconds:seconds}, {n_threads:thread(s)}",
        "{seconds:seconds}、スレッド {n_threads} 個",
    ),
    "fact_loss": ("Loss", "損失"),
    "from_to": ("from {first} to {last}", "{first} から {last} へ"),
    "fact_error_rate": ("Error rate", "誤り率"),
    "fact_validation_loss": ("Held-out loss", "取り置いたデータの損失"),
    "fact_validation_error_rate": ("Held-out error rate", "取り置いたデータの誤り率"),
    "fact_min_margin": ("Smallest margin", "最小のマージン"),
    "fact_weight_norm": ("Norm of the weights", "重みのノルム"),
    "fact_radius": ("Largest norm of a row, R", "行のノルムの最大値 R"),
    "fact_increases": ("Steps that increased the loss", "損失が増えたステップ数"),
    "fact_last_increase": ("Last increase of the loss", "損失の最後の増加"),
    "fact_separated": ("First separation", "最初の分離"),
    "fact_certified": ("No increase from here on, proved", "これ以降は増えない（証明済み）"),
    "at_step": ("step {step}", "ステップ {step}"),
} | {f"stop_{reason}": (words[1], STOPS[reason]) for reason, words in ENDINGS.items()}
