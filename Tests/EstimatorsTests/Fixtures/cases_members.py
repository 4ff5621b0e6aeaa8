"""Estimators that ask others for their decisions or probabilities, whichever the library takes."""

import numpy
import pandas
from cases import Case
from cases_trees import BINARY, DATA, SCORE, THREE, VERSION, WORDS
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    PassiveAggressiveClassifier,
    Perceptron,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC, NuSVC
from sklearn.tree import DecisionTreeClassifier

ASKED = numpy.vstack([DATA[:7], [[0, 0, 0, 0, 0], [9, -9, 9, -9, 3], [1e-300, -1e-300, 5e-324, -0.0, 1e-45]]])
FOUR = numpy.digitize(DATA[:, 0] + DATA[:, 1], [-1, 0, 1])


def members():
    """One of every kind, by name."""
    yield "logistic", LogisticRegression()
    yield "ridge", RidgeClassifier()
    yield "sgd", SGDClassifier(random_state=0)
    yield "perceptron", Perceptron(random_state=0)
    yield "passive", PassiveAggressiveClassifier(random_state=0)
    yield "linear-svc", LinearSVC(random_state=0)
    yield "svc", SVC(gamma=0.2)
    yield "nu", NuSVC(nu=0.2, kernel="poly", degree=2)
    yield "lda", LinearDiscriminantAnalysis()
    yield "qda", QuadraticDiscriminantAnalysis(reg_param=0.1)
    yield "centroid", NearestCentroid()
    yield "bayes", GaussianNB()
    yield "neighbors", KNeighborsClassifier(3)
    yield "mlp", MLPClassifier((3,), max_iter=40, random_state=0)
    yield "boosting", GradientBoostingClassifier(n_estimators=2, max_depth=1, random_state=0)
    yield "histogram", HistGradientBoostingClassifier(max_iter=2, max_leaf_nodes=4, min_samples_leaf=5)
    yield "adaptive", AdaBoostClassifier(DecisionTreeClassifier(max_depth=1), n_estimators=2, random_state=0)
    yield "bagging", BaggingClassifier(LogisticRegression(), n_estimators=2, random_state=0)
    yield "pipeline", make_pipeline(StandardScaler(), LinearSVC(random_state=0))
    yield "stacking", StackingClassifier([("a", GaussianNB())], LogisticRegression(), cv=2)


def cases():
    # The oldest and the newest are asked about all of them.
    for name, member in list(members())[:: 1 if VERSION in ((1, 2), (1, 9)) else 4]:
        if name == "centroid" and VERSION < (1, 6):
            continue  # It had neither decisions nor probabilities.
        yield Case(f"rest-{name}", OneVsRestClassifier(member).fit(DATA, WORDS), ASKED)
        yield Case(f"calibrated-{name}", CalibratedClassifierCV(member, cv=2).fit(DATA, WORDS), ASKED, layout=5)
        two = CalibratedClassifierCV(member, cv=2, ensemble=False, method="isotonic")
        yield Case(f"calibrated-two-{name}", two.fit(DATA, BINARY == 1), ASKED)
    yield from pairs()
    yield from calibrations()
    yield from stacks()
    yield from columns()
    yield from searches()
    yield from beginnings()


def pairs():
    for name in ("logistic", "svc", "neighbors", "boosting", "pipeline"):
        member = dict(members())[name]
        yield Case(f"one-{name}", OneVsOneClassifier(member).fit(DATA, WORDS), ASKED)
    yield Case("one-four", OneVsOneClassifier(LinearSVC(random_state=0)).fit(DATA, FOUR), ASKED)
    yield Case("one-two", OneVsOneClassifier(GaussianNB()).fit(DATA, BINARY), ASKED)
    yield Case("one-two-svc", OneVsOneClassifier(SVC()).fit(DATA, BINARY == 0), ASKED)
    # The decisions of one against one, and of one against the rest of those.
    yield Case("rest-one", OneVsRestClassifier(OneVsOneClassifier(LinearSVC(random_state=0))).fit(DATA, THREE), ASKED)
    yield Case("rest-two-svc", OneVsRestClassifier(SVC()).fit(DATA, BINARY), ASKED)
    yield Case("rest-rest", CalibratedClassifierCV(OneVsRestClassifier(SVC()), cv=2).fit(DATA, THREE), ASKED)
    pairwise = CalibratedClassifierCV(SVC(decision_function_shape="ovo"), cv=2)
    yield Case("calibrated-ovo", pairwise.fit(DATA, THREE), ASKED)
    yield Case("calibrated-ovr", CalibratedClassifierCV(SVC(gamma=2), cv=2).fit(DATA, FOUR), ASKED)


def calibrations():
    methods = ["sigmoid", "isotonic"] + (["temperature"] if VERSION >= (1, 8) else [])
    for method in methods:
        for together in (False, True):
            for name, member in (("decisions", LinearSVC(random_state=0)), ("probabilities", GaussianNB())):
                for suffix, target in (("", WORDS), ("-two", BINARY)):
                    model = CalibratedClassifierCV(member, cv=2, method=method, ensemble=together)
                    kind = "each" if together else "all"
                    yield Case(f"calibration-{method}-{kind}-{name}{suffix}", model.fit(DATA, target), ASKED)


def stacks():
    linear = [("a", LinearSVC(random_state=0)), ("b", RidgeClassifier()), ("c", make_pipeline(StandardScaler(), SVC()))]
    stack = StackingClassifier(linear, LogisticRegression(), cv=2)
    yield Case("stack", stack.fit(DATA, WORDS), ASKED)
    yield Case("stack-two", stack.fit(DATA, BINARY), ASKED, layout="joblib")
    yield Case("vote", VotingClassifier(linear).fit(DATA, WORDS), ASKED)
    sure = [("a", LogisticRegression()), ("b", make_pipeline(StandardScaler(), GaussianNB())), ("c", GaussianNB())]
    yield Case("vote-soft", VotingClassifier(sure, voting="soft", weights=[1, 2, 0.5]).fit(DATA, WORDS), ASKED)
    bag = BaggingClassifier(make_pipeline(StandardScaler(), SVC()), n_estimators=3, random_state=0)
    yield Case("bag", bag.fit(DATA, WORDS), ASKED)
    cross = LogisticRegressionCV(Cs=2, cv=2)
    yield Case("rest-cross", OneVsRestClassifier(cross).fit(DATA, THREE), ASKED)


def columns():
    """Pipelines over mixed columns as members, which are given the data frame."""
    kinds = numpy.array(["red", "green", "blue"], dtype=object)
    frame = pandas.DataFrame({"a": DATA[:, 0], "kind": kinds[THREE], "b": DATA[:, 1]})
    frame.loc[::8, "b"] = numpy.nan
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    steps = ColumnTransformer([("n", numbers, ["a", "b"]), ("k", OneHotEncoder(handle_unknown="ignore"), ["kind"])])
    asked = frame[:12].copy()
    asked.loc[3, "kind"] = "mauve"
    for name, last in (("svc", LinearSVC(random_state=0)), ("bayes", LogisticRegression())):
        model = CalibratedClassifierCV(Pipeline([("columns", steps), ("last", last)]), cv=2)
        yield Case(f"columns-{name}", model.fit(frame, WORDS), asked)
    vote = VotingClassifier([("a", make_pipeline(steps, SVC())), ("b", make_pipeline(steps, RidgeClassifier()))])
    yield Case("columns-vote", vote.fit(frame, WORDS), asked)


def searches():
    grid = GridSearchCV(make_pipeline(StandardScaler(), SVC()), {"svc__C": [0.1, 1]}, cv=2)
    yield Case("grid", grid.fit(DATA, WORDS), ASKED)
    grid = GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=2, scoring="f1_macro")
    yield Case("grid-joblib", grid.fit(DATA, THREE), ASKED, layout="joblib")
    forest = RandomForestClassifier(2, max_depth=2)
    random = RandomizedSearchCV(forest, {"max_depth": [1, 2]}, n_iter=2, cv=2, random_state=0)
    yield Case("random", random.fit(DATA, WORDS), ASKED, tolerance=0)
    within = CalibratedClassifierCV(GridSearchCV(LinearSVC(random_state=0), {"C": [1, 2]}, cv=2), cv=2)
    yield Case("grid-calibrated", within.fit(DATA, BINARY), ASKED)
    if VERSION >= (1, 6):
        from sklearn.frozen import FrozenEstimator
        from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV

        frozen = FrozenEstimator(LinearSVC(random_state=0).fit(DATA, WORDS))
        yield Case("frozen", CalibratedClassifierCV(frozen).fit(DATA, WORDS), ASKED)
        fixed = FixedThresholdClassifier(LogisticRegression(), threshold=0.7)
        yield Case("threshold", fixed.fit(DATA, BINARY), ASKED)
        words = numpy.where(BINARY == 1, "yes", "no")
        fixed = FixedThresholdClassifier(SVC(), threshold=0.2, pos_label="no")
        yield Case("threshold-label", fixed.fit(DATA, words), ASKED)
        yield Case("threshold-auto", FixedThresholdClassifier(GaussianNB()).fit(DATA, BINARY == 1), ASKED)
        tuned = TunedThresholdClassifierCV(LogisticRegression(), cv=2)
        yield Case("threshold-tuned", tuned.fit(DATA, words), ASKED)


def beginnings():
    """Boosting that begins with another estimator, which computes with numbers of 32 bits there."""
    first = LogisticRegression()
    model = GradientBoostingClassifier(init=first, n_estimators=2, max_depth=1, random_state=0)
    yield Case("init-logistic", model.fit(DATA, WORDS), ASKED, tolerance=1e-6)
    model = GradientBoostingClassifier(init=GaussianNB(), n_estimators=2, max_depth=1, random_state=0)
    yield Case("init-bayes", model.fit(DATA, BINARY), ASKED, tolerance=1e-6)
    model = GradientBoostingRegressor(init=LinearRegression(), n_estimators=3, max_depth=1, random_state=0)
    yield Case("init-linear", model.fit(DATA, SCORE), ASKED, tolerance=1e-6)
