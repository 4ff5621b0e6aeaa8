"""LightGBM's classes in the manner of scikit-learn."""

import numpy
import pandas
from cases import Case
from cases_trees import BINARY, DATA, RANDOM, SCORE, THREE, VERSION, WORDS, rows, with_missing
from lightgbm import LGBMClassifier, LGBMRanker, LGBMRegressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.ensemble import StackingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

COUNTS = numpy.exp(SCORE).round()
OPTIONS = {"n_estimators": 5, "num_leaves": 6, "min_child_samples": 4, "random_state": 0, "verbose": -1, "n_jobs": 1}


def cases():
    yield from classifiers()
    yield from regressors()
    yield from missing()
    yield from categories()
    yield from steps()


def asked():
    """LightGBM takes infinity, and what is nearly 0 for 0."""
    unusual = [[1e300, -1e300, numpy.inf, -numpy.inf, 0], [9e-36, -1e-35, 1.1e-35, -0.0, 5e-324]]
    return numpy.vstack([rows(missing=True), rows(), unusual])


def classifier(**options):
    return LGBMClassifier(**{**OPTIONS, **options})


def regressor(**options):
    return LGBMRegressor(**{**OPTIONS, **options})


def classifiers():
    yield Case("two", classifier().fit(DATA, BINARY), asked())
    yield Case("words", classifier().fit(DATA, WORDS), asked(), layout=5)
    yield Case("three", classifier(objective="multiclassova").fit(DATA, THREE), asked(), layout=2)
    yield Case("bool", classifier(scale_pos_weight=3, sigmoid=0.7).fit(DATA, BINARY == 1), asked(), layout="joblib")
    yield Case("two-softmax", classifier(objective="multiclass", num_class=2).fit(DATA, BINARY), asked())
    forest = classifier(boosting_type="rf", subsample=0.5, subsample_freq=1)
    yield Case("forest", forest.fit(DATA, THREE), asked())
    yield Case("dart", classifier(boosting_type="dart", drop_rate=0.9, skip_drop=0).fit(DATA, BINARY), asked())
    from lightgbm import early_stopping

    stopped = classifier(n_estimators=50, learning_rate=0.9)
    stopped.fit(DATA[:60], THREE[:60], eval_set=[(DATA[60:], THREE[60:])], callbacks=[early_stopping(2, verbose=False)])
    assert stopped.best_iteration_ < 50
    yield Case("stopped", stopped, asked())
    rare = classifier(min_child_samples=80).fit(DATA, BINARY)
    yield Case("leaves-alone", rare, asked())


def regressors():
    yield Case("numbers", regressor().fit(DATA, SCORE), asked(), tolerance=0)
    for objective in ("regression_l1", "huber", "fair", "quantile", "mape"):
        yield Case(objective, regressor(objective=objective).fit(DATA, SCORE + 9), asked(), tolerance=0)
    for objective in ("poisson", "gamma", "tweedie"):
        yield Case(objective, regressor(objective=objective).fit(DATA, COUNTS + 1), asked())
    share = 1 / (1 + numpy.exp(-SCORE))
    for objective in ("cross_entropy", "cross_entropy_lambda"):
        yield Case(objective, regressor(objective=objective).fit(DATA, share), asked())
    yield Case("roots", regressor(reg_sqrt=True).fit(DATA, SCORE * 5), asked(), tolerance=0)
    forest = regressor(boosting_type="rf", subsample=0.5, subsample_freq=1)
    yield Case("forest-numbers", forest.fit(DATA, SCORE), asked(), tolerance=0)
    yield Case("ranker", LGBMRanker(**OPTIONS).fit(DATA, THREE, group=[30, 60]), asked(), tolerance=0)


def missing():
    yield Case("missing", regressor().fit(with_missing(), SCORE), asked(), tolerance=0)
    zeros = with_missing()
    zeros[RANDOM.uniform(size=zeros.shape) < 0.2] = 0
    yield Case("zero-missing", regressor(zero_as_missing=True).fit(zeros, SCORE), asked(), tolerance=0)
    yield Case("never-missing", regressor(use_missing=False).fit(zeros, SCORE), asked(), tolerance=0)


def categories():
    """Categories that are unknown, missing, negative, no whole number, huge."""
    data = DATA.copy()
    data[:, 1] = RANDOM.randint(0, 40, size=90)
    data[:, 3] = RANDOM.randint(0, 3, size=90)
    target = SCORE + numpy.isin(data[:, 1] % 7, [1, 4, 5]) * 2 - (data[:, 3] == 1)
    options = {"min_data_per_group": 2, "cat_smooth": 1, "max_cat_to_onehot": 3}
    found = data[:14].copy()
    found[2:11, 1] = [numpy.nan, 77, -1, 3.5, 31, 2147483648.0, 1e30, -0.5, 0]
    found[5:9, 3] = [numpy.nan, 2.9, 3, 2]
    model = regressor(**options).fit(data, target, categorical_feature=[1, 3])
    yield Case("categories", model, found, tolerance=0)
    zero = regressor(zero_as_missing=True, **options).fit(data, target, categorical_feature=[1, 3])
    yield Case("categories-zero", zero, found, tolerance=0)
    data[::7, 1] = numpy.nan
    model = classifier(**options).fit(data, target > 0, categorical_feature=[1, 3])
    yield Case("categories-two", model, found)


def steps():
    frame = pandas.DataFrame(with_missing(), columns=list("abcde"))
    yield Case("frame", classifier().fit(frame, WORDS), frame[:9])
    yield Case("pipeline", make_pipeline(StandardScaler(), regressor()).fit(DATA, SCORE), rows()[:12])
    # What it is asked for depends on the version: decisions since 4.7.
    yield Case("calibrated", CalibratedClassifierCV(classifier(), cv=2).fit(DATA, BINARY), DATA[:9])
    stack = StackingClassifier([("a", classifier())], LogisticRegression(), cv=2)
    yield Case("stack", stack.fit(DATA, WORDS), DATA[:9])
