"""What makes features of texts."""

import pandas
from cases import Case
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

TEXTS = [
    "The quick brown fox jumps over the lazy dog", "A dog and a fox", "Don't panic! It's 42 o'clock, snake_case.",
    "Ελληνικός ΣΟΦΟΣ και ΣΑΣ", "naïve café, Crème brûlée; Łódź ÅNGSTRÖM", "Straße STRASSE ﬁne ½ ² Ⅷ ١٢٣",
    "中文 字符 テスト ひらがな", "tabs\tand\n\nnew  lines \x1f here", "x y z", "Наука и жизнь", "हिन्दी में कविता",
]
ROWS = [
    "the quick fox and the lazy, LAZY dog dog dog", "", "   ", "ΣΟΦΟΣ σοφος σοφοσ Σ ΣΑΣ'", "cafe\u0301 café CAFE creme brulee",
    "fine ﬁne ½ ² 2 viii 123 ١٢٣ strasse straße", "中文テスト", "it's snake_case snake case don't", "new lines  here\u00a0tabs",
    "nothing known", "a", "हिन्दी कविता наука", "İstanbul ÅNGSTRÖM ångström", "dog fox dog. fox\u200bfox",
]
LABELS = ["en", "en", "en", "el", "fr", "de", "zh", "en", "en", "ru", "hi"]


def asked(texts):
    """A column of texts."""
    return pandas.DataFrame({"text": pandas.Series(texts, dtype=object)})


def cases():
    for name, options in {
        "standard": {},
        "pairs": {"ngram_range": (1, 2)},
        "only-pairs": {"ngram_range": (2, 3)},
        "case": {"lowercase": False},
        "binary": {"binary": True},
        "english": {"stop_words": "english", "ngram_range": (1, 2)},
        "stop": {"stop_words": ["the", "dog", "σοφος"]},
        "single": {"token_pattern": r"(?u)\b\w+\b"},
        "white": {"token_pattern": r"\S+"},
        "characters": {"analyzer": "char", "ngram_range": (1, 2), "max_features": 150},
        "characters-long": {"analyzer": "char", "ngram_range": (3, 5), "max_features": 150},
        "in-words": {"analyzer": "char_wb", "ngram_range": (1, 3), "max_features": 150},
        "in-words-long": {"analyzer": "char_wb", "ngram_range": (4, 6), "max_features": 150},
        "given": {"vocabulary": ["fox", "dog", "the lazy", "quick"], "ngram_range": (1, 2)},
        "given-places": {"vocabulary": {"fox": 2, "dog": 0, "lazy": 1}},
        "limited": {"max_features": 5, "min_df": 1},
    }.items():
        yield Case(f"count-{name}", CountVectorizer(**options).fit(TEXTS), asked(ROWS), tolerance=0, column="text")
    for name, options in {
        "standard": {},
        "sublinear": {"sublinear_tf": True},
        "l1": {"norm": "l1"},
        "plain": {"norm": None, "smooth_idf": False},
        "frequencies": {"use_idf": False},
        "binary": {"binary": True, "use_idf": False, "norm": None},
        "english": {"stop_words": "english", "ngram_range": (1, 2), "max_features": 30},
    }.items():
        yield Case(f"tfidf-{name}", TfidfVectorizer(**options).fit(TEXTS), asked(ROWS), column="text")
    pipeline = make_pipeline(CountVectorizer(max_features=40), TfidfTransformer(sublinear_tf=True), LogisticRegression())
    yield Case("text-model", pipeline.fit(TEXTS, LABELS), asked(ROWS), column="text")
    pipeline = make_pipeline(TfidfVectorizer(max_features=40), TruncatedSVD(3, random_state=0), LogisticRegression())
    yield Case("text-reduced", pipeline.fit(TEXTS, LABELS), asked(ROWS), column="text")
    frame = asked(TEXTS).assign(length=[len(text) for text in TEXTS], title=TEXTS[::-1])
    columns = ColumnTransformer([
        ("text", TfidfVectorizer(max_features=20), "text"), ("length", StandardScaler(), ["length"]),
        ("title", make_pipeline(CountVectorizer(max_features=10), TfidfTransformer()), "title")])
    model = make_pipeline(columns, LogisticRegression(max_iter=200)).fit(frame, LABELS)
    yield Case("text-columns", model, asked(ROWS).assign(title=ROWS[::-1], length=range(len(ROWS))))
