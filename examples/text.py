"""Text in CSR: word counts of generated documents on four topics. Needs scikit-learn and SciPy.

Only the words that occur are stored and read; no dense copy is made. Documents of your own become
such a matrix by sklearn.feature_extraction.text.TfidfVectorizer.
"""

import numpy as np
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

import lsgd_fast as lsgd

TOPICS = np.array(["cooking", "music", "sailing", "weather"])
N_DOCUMENTS, N_WORDS, LENGTH = 2000, 20_000, 80


def documents(rng):
    """Word counts: words are frequent or rare as in a language, some more so by topic."""
    topic = rng.integers(len(TOPICS), size=N_DOCUMENTS)
    base = 1.0 / np.arange(10, N_WORDS + 10)
    by_topic = base * np.exp(0.4 * rng.standard_normal((len(TOPICS), N_WORDS)))
    words = np.empty((N_DOCUMENTS, LENGTH), dtype=np.int32)
    for k, frequency in enumerate(by_topic / by_topic.sum(axis=1, keepdims=True)):
        mine = np.flatnonzero(topic == k)
        words[mine] = rng.choice(N_WORDS, size=(len(mine), LENGTH), p=frequency)
    starts = np.arange(0, words.size + 1, LENGTH)
    counts = csr_array(
        (np.ones(words.size, np.float32), words.ravel(), starts), (len(words), N_WORDS)
    )
    counts.sum_duplicates()
    return counts, TOPICS[topic]


X, y = documents(np.random.default_rng(0))
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=0)
print(
    f"{X.shape[0]} documents, {X.shape[1]} words, {X.nnz} entries ({X.nnz / np.prod(X.shape):.2%})"
)

model = make_pipeline(TfidfTransformer(), lsgd.LogisticClassifier(l2=1e-4)).fit(X_train, y_train)
classifier = model[-1]
print(f"coefficients    {classifier.coef_.shape}, {classifier.stop_reason_}")
print(f"accuracy        {model.score(X_test, y_test):.3f}, by chance {1 / len(TOPICS):.3f}")
for topic, proba in zip(classifier.classes_, model.predict_proba(X_test[:1])[0], strict=True):
    print(f"  {topic:<14}{proba:.3f}")
print(f"  is of           {y_test[0]}")
