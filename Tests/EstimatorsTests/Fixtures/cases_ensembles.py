"""Ensembles of other estimators, and dummies."""

import numpy
from cases import Case
from cases_trees import BINARY, DATA, SCORE, THREE, VERSION, WORDS
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    GradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor, RegressorChain
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier

ASKED = numpy.vstack([DATA[:9], [[0, 0, 0, 0, 0], [30, -30, 30, -30, 3], [1e-300, -1e-300, 5e-324, -0.0, 1e-45]]])


def tree(depth=2, **options):
    return DecisionTreeClassifier(max_depth=depth, random_state=0, **options)


def number_tree(depth=2, **options):
    return DecisionTreeRegressor(max_depth=depth, random_state=0, **options)


def boosting():
    return GradientBoostingClassifier(n_estimators=2, max_depth=1, random_state=0)


def cases():
    yield from dummies()
    yield from votes()
    yield from bags()
    yield from adaptive()
    yield from isolation()
    yield from stacks()
    yield from calibrated()
    yield from several()


def dummies():
    yield Case("dummy-prior", DummyClassifier().fit(DATA[:, :1], WORDS), DATA[:3, :1], tolerance=0)
    yield Case("dummy-frequent", DummyClassifier(strategy="most_frequent").fit(DATA[:, :1], THREE), DATA[:3, :1])
    constant = DummyClassifier(strategy="constant", constant="oak")
    yield Case("dummy-constant", constant.fit(DATA[:, :1], WORDS), DATA[:3, :1], layout=2)
    yield Case("dummy-mean", DummyRegressor().fit(DATA[:, :1], SCORE), DATA[:3, :1], tolerance=0)
    yield Case("dummy-median", DummyRegressor(strategy="median").fit(DATA[:, :1], DATA[:, :3]), DATA[:3, :1])


def votes():
    members = [("a", tree()), ("b", tree(3)), ("c", LogisticRegression()), ("d", boosting())]
    yield Case("voting-hard", VotingClassifier(members).fit(DATA, WORDS), ASKED)
    weighted = VotingClassifier(members, weights=[0.1, 2, 0.5, 1])
    yield Case("voting-weights", weighted.fit(DATA, THREE), ASKED, layout=5)
    yield Case("voting-soft", VotingClassifier(members, voting="soft").fit(DATA, WORDS), ASKED)
    dropped = VotingClassifier([("z", "drop"), *members[:2]], voting="soft", weights=[9, 0.25, 2])
    yield Case("voting-dropped", dropped.fit(DATA, BINARY == 1), ASKED, layout="joblib")
    members = [("a", number_tree()), ("b", number_tree(3))]
    yield Case("voting-regressor", VotingRegressor(members).fit(DATA, SCORE), ASKED)
    yield Case("voting-regressor-weights", VotingRegressor(members, weights=[1, 3]).fit(DATA, SCORE), ASKED)


def bags():
    bag = BaggingClassifier(tree(), n_estimators=5, random_state=0)
    yield Case("bagging", bag.fit(DATA, WORDS), ASKED, tolerance=0)
    bag = BaggingClassifier(tree(3), n_estimators=4, random_state=1, max_features=3, max_samples=9)
    rare = numpy.where(numpy.arange(90) < 4, "fir", WORDS)
    yield Case("bagging-features", bag.fit(DATA, rare), ASKED, layout="joblib", tolerance=0)
    bag = BaggingRegressor(number_tree(), n_estimators=5, random_state=0, max_features=0.5, bootstrap_features=True)
    yield Case("bagging-regressor", bag.fit(DATA, SCORE), ASKED, tolerance=0)


def adaptive():
    methods = ["SAMME", "SAMME.R"] if VERSION < (1, 6) else [None]
    for method in methods:
        options = {"n_estimators": 4, "random_state": 0}
        if method is not None:
            options["algorithm"] = method
        suffix = (method or "SAMME").replace(".", "").lower()
        yield Case(f"adaptive-{suffix}", AdaBoostClassifier(tree(), **options).fit(DATA, WORDS), ASKED)
        yield Case(f"adaptive-two-{suffix}", AdaBoostClassifier(tree(1), **options).fit(DATA, BINARY), ASKED)
        # Perfect at once: fewer members than weights.
        yield Case(f"adaptive-short-{suffix}", AdaBoostClassifier(tree(9), **options).fit(DATA, THREE), ASKED)
    for loss in ("linear", "exponential"):
        boosted = AdaBoostRegressor(number_tree(), n_estimators=6, loss=loss, random_state=0)
        yield Case(f"adaptive-{loss}", boosted.fit(DATA, SCORE), ASKED, tolerance=0)


def isolation():
    asked = numpy.vstack([ASKED, DATA[20:60]])
    yield Case("isolation", IsolationForest(n_estimators=9, max_samples=24, random_state=0).fit(DATA), asked)
    forest = IsolationForest(n_estimators=7, max_samples=30, max_features=3, contamination=0.3, random_state=0)
    yield Case("isolation-features", forest.fit(DATA), asked, layout="joblib")
    if VERSION >= (1, 6):
        asked = numpy.vstack([asked, [[numpy.nan, 0, 0, numpy.nan, 0], [1e300, -numpy.inf, numpy.inf, 0, 0]]])
        yield Case("isolation-missing", IsolationForest(n_estimators=5, max_samples=20, random_state=0).fit(DATA), asked)


def stacks():
    members = [("a", tree()), ("b", ExtraTreeClassifier(max_depth=2, random_state=0)), ("z", "drop")]
    last = LogisticRegression()
    yield Case("stacking", StackingClassifier(members, last, cv=2).fit(DATA, WORDS), ASKED)
    yield Case("stacking-two", StackingClassifier(members, last, cv=2, passthrough=True).fit(DATA, BINARY == 1), ASKED)
    labels = StackingClassifier([*members, ("c", boosting())], tree(3), cv=2, stack_method="predict")
    yield Case("stacking-labels", labels.fit(DATA, THREE), ASKED, layout=5)
    decisions = StackingClassifier([("c", boosting())], tree(3), cv=2, stack_method="decision_function")
    yield Case("stacking-decisions", decisions.fit(DATA, THREE), ASKED)
    members = [("a", number_tree()), ("b", number_tree(3))]
    stack = StackingRegressor(members, number_tree(4), cv=2, passthrough=True)
    yield Case("stacking-regressor", stack.fit(DATA, SCORE), ASKED, tolerance=0)


def calibrated():
    forest = RandomForestClassifier(n_estimators=3, max_depth=2, random_state=0)
    yield Case("calibrated", CalibratedClassifierCV(forest, cv=2).fit(DATA, WORDS), ASKED)
    yield Case("calibrated-two", CalibratedClassifierCV(tree(), cv=2).fit(DATA, BINARY), ASKED, layout="joblib")
    isotonic = CalibratedClassifierCV(tree(4), method="isotonic", cv=2, ensemble=False)
    yield Case("calibrated-isotonic", isotonic.fit(DATA, THREE), ASKED)
    yield Case("calibrated-boosting", CalibratedClassifierCV(boosting(), cv=2).fit(DATA, WORDS), ASKED)
    isotonic = CalibratedClassifierCV(boosting(), method="isotonic", cv=2)
    yield Case("calibrated-boosting-two", isotonic.fit(DATA, BINARY), ASKED)


def several():
    outputs = DATA[:, :2] + SCORE[:, None]
    yield Case("outputs", MultiOutputRegressor(number_tree()).fit(DATA, outputs), ASKED, tolerance=0)
    chain = RegressorChain(number_tree(), order=[1, 0])
    yield Case("chain", chain.fit(DATA, outputs), ASKED, tolerance=0)
    yield Case("chain-linear", RegressorChain(LinearRegression()).fit(DATA, DATA[:, :3] + outputs[:, :1]), ASKED)
    random = RegressorChain(number_tree(), order="random", random_state=0)
    yield Case("chain-random", random.fit(DATA, outputs), ASKED, tolerance=0)
    yield Case("rest", OneVsRestClassifier(tree()).fit(DATA, WORDS), ASKED)
    yield Case("rest-ties", OneVsRestClassifier(tree(1)).fit(DATA, THREE), ASKED)
    yield Case("rest-two", OneVsRestClassifier(tree()).fit(DATA, BINARY), ASKED)
    yield Case("rest-boosting", OneVsRestClassifier(boosting()).fit(DATA, THREE), ASKED)
