"""XGBoost's classes in the manner of scikit-learn."""

import numpy
import pandas
import xgboost
from cases import Case
from cases_trees import BINARY, DATA, RANDOM, SCORE, THREE, rows, with_missing
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier, XGBRanker, XGBRegressor, XGBRFClassifier, XGBRFRegressor

VERSION = tuple(int(part) for part in xgboost.__version__.split(".")[:2])
COUNTS = numpy.exp(SCORE).round()
# Exponentials of 32 bits differ between processors in the last place.
NEAR = 3e-7


def cases():
    yield from classifiers()
    yield from regressors()
    yield from categories()
    yield from steps()


def asked():
    """Beyond the range of 32 bits, and infinite: XGBoost takes both."""
    return numpy.vstack([rows(missing=True), rows(), [[1e300, -1e300, numpy.inf, -numpy.inf, 0]]])


def classifier(**options):
    return XGBClassifier(**{"n_estimators": 6, "max_depth": 3, "random_state": 0, **options})


def regressor(**options):
    return XGBRegressor(**{"n_estimators": 6, "max_depth": 3, "random_state": 0, **options})


def classifiers():
    yield Case("two", classifier().fit(DATA, BINARY), asked(), tolerance=NEAR)
    yield Case("three", classifier().fit(with_missing(), THREE), asked(), tolerance=NEAR, layout=5)
    yield Case("softmax", classifier(objective="multi:softmax").fit(DATA, THREE), asked(), tolerance=NEAR)
    yield Case("score", classifier(base_score=0.2).fit(DATA, BINARY), asked(), tolerance=NEAR, layout=2)
    yield Case("hinge", classifier(objective="binary:hinge").fit(DATA, BINARY), asked(), tolerance=0)
    yield Case("logit", classifier(objective="binary:logitraw").fit(DATA, BINARY), asked(), tolerance=0)
    dart = classifier(booster="dart", rate_drop=0.5, one_drop=True)
    yield Case("dart", dart.fit(DATA, THREE), asked(), tolerance=NEAR)
    forest = XGBRFClassifier(n_estimators=5, max_depth=3, random_state=0)
    yield Case("forest", forest.fit(DATA, BINARY), asked(), tolerance=NEAR, layout="joblib")
    parallel = classifier(num_parallel_tree=2, subsample=0.6, n_estimators=3)
    yield Case("parallel", parallel.fit(DATA, THREE), asked(), tolerance=NEAR)
    stopped = classifier(n_estimators=40, early_stopping_rounds=2, learning_rate=1)
    stopped.fit(DATA[:60], THREE[:60], eval_set=[(DATA[60:], THREE[60:])], verbose=False)
    assert stopped.best_iteration + 1 < stopped.get_booster().num_boosted_rounds()
    yield Case("stopped", stopped, asked(), tolerance=NEAR)


def regressors():
    yield Case("numbers", regressor().fit(with_missing(), SCORE), asked(), tolerance=0)
    for objective in ("reg:absoluteerror", "reg:pseudohubererror", "reg:squaredlogerror"):
        target = numpy.exp(SCORE) if objective == "reg:squaredlogerror" else SCORE
        name = objective.partition(":")[2]
        yield Case(name, regressor(objective=objective).fit(DATA, target), asked(), tolerance=0)
    for objective in ("count:poisson", "reg:gamma", "reg:tweedie", "survival:cox"):
        name = objective.partition(":")[2]
        model = regressor(objective=objective).fit(DATA, COUNTS + 1)
        yield Case(name, model, asked(), tolerance=NEAR)
    share = 1 / (1 + numpy.exp(-SCORE))
    yield Case("share", regressor(objective="reg:logistic").fit(DATA, share), asked(), tolerance=NEAR)
    dart = regressor(booster="dart", rate_drop=0.5, one_drop=True, n_estimators=9)
    yield Case("dart-numbers", dart.fit(DATA, SCORE + 7), asked(), tolerance=0)
    forest = XGBRFRegressor(n_estimators=5, max_depth=3, random_state=0)
    yield Case("forest-numbers", forest.fit(DATA, SCORE), asked(), tolerance=0)
    yield Case("targets", regressor().fit(DATA, numpy.c_[SCORE, -SCORE, DATA[:, 0]]), asked(), tolerance=0)
    if VERSION >= (2, 0):
        quantiles = regressor(objective="reg:quantileerror", quantile_alpha=[0.2, 0.8])
        yield Case("quantiles", quantiles.fit(DATA, SCORE), asked(), tolerance=0)
    ranker = XGBRanker(n_estimators=4, max_depth=2, objective="rank:pairwise")
    yield Case("ranker", ranker.fit(DATA, THREE, qid=numpy.arange(90) // 9), asked(), tolerance=0)
    yield Case("zero-missing", regressor(missing=0.0).fit(DATA.round(), SCORE), asked(), tolerance=0)
    deep = regressor(max_depth=0, max_leaves=9, grow_policy="lossguide", tree_method="hist", gamma=0.1)
    yield Case("leaves", deep.fit(DATA, SCORE), asked(), tolerance=0)
    exact = regressor(tree_method="exact", gamma=0.3, learning_rate=0.5)
    yield Case("exact", exact.fit(DATA, SCORE), asked(), tolerance=0)


def categories():
    """Categories that are numbers, with and without an order; those that are unknown, no whole number, huge."""
    data = DATA.copy()
    data[:, 1] = RANDOM.randint(0, 40, size=90)
    data[:, 3] = RANDOM.randint(0, 3, size=90)
    target = SCORE + numpy.isin(data[:, 1] % 7, [1, 4, 5]) * 2 - (data[:, 3] == 1)
    types = ["q", "c", "q", "c", "q"]
    options = {"enable_categorical": True, "feature_types": types, "tree_method": "hist", "max_cat_to_onehot": 4}
    found = data[:14].copy()
    found[2:10, 1] = [numpy.nan, 77, -1, 3.5, 31, 16777216.0, 1e30, -0.0]
    found[5:9, 3] = [numpy.nan, 2.9, 3, 2]
    yield Case("categories", regressor(**options).fit(data, target), found, tolerance=0)
    yield Case("categories-two", classifier(**options).fit(data, target > 0), found, tolerance=NEAR)


def steps():
    """By name in a data frame, in a pipeline, and among others."""
    frame = pandas.DataFrame(with_missing(), columns=list("abcde"))
    yield Case("frame", classifier().fit(frame, THREE), frame[:9], tolerance=NEAR)
    pipeline = make_pipeline(StandardScaler(), regressor())
    yield Case("pipeline", pipeline.fit(DATA, SCORE), rows()[:12], tolerance=0)
    members = [("a", classifier(n_estimators=2)), ("b", LogisticRegression())]
    vote = VotingClassifier(members, voting="soft")
    yield Case("vote", vote.fit(DATA, THREE), DATA[:9], tolerance=NEAR)
    stack = StackingClassifier(members, LogisticRegression(), cv=2)
    yield Case("stack", stack.fit(DATA, THREE), DATA[:9], tolerance=1e-6)
