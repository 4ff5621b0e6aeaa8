"""Decision trees and forests."""

import numpy
import sklearn
from cases import Case
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

VERSION = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
RANDOM = numpy.random.RandomState(16)
DATA = RANDOM.normal(size=(90, 5)).round(3)
SCORE = DATA[:, 0] + DATA[:, 1] * DATA[:, 2] + 0.3 * RANDOM.normal(size=90)
BINARY = (SCORE > 0).astype(int)
THREE = numpy.digitize(SCORE, [-0.7, 0.7])
WORDS = numpy.array(["lily", "oak", "rose"])[THREE]
WEIGHTS = RANDOM.uniform(0.1, 3, size=90)


def rows(missing=False):
    """The training rows, thresholds as they are and rounded, and extremes. 18 is enough for blocks of 8 and a rest."""
    tree = DecisionTreeClassifier(random_state=0).fit(DATA, BINARY).tree_
    exact = numpy.zeros((2, 5))
    exact[0, tree.feature[0]] = tree.threshold[0]
    exact[1, tree.feature[0]] = numpy.nextafter(tree.threshold[0], 10)
    extreme = [
        [0, 0, 0, 0, 0],
        [1e30, -1e30, 1e30, -1e30, 3.4e38],
        [1e-300, -1e-300, 5e-324, -0.0, 1e-45],
        [-1e30, 1e30, 1e-20, 1e20, -3.4e38],
    ]
    found = numpy.vstack([DATA[:12], exact, extreme])
    if missing:
        found[::2, 0] = numpy.nan
        found[1::3, 3] = numpy.nan
        found[5] = numpy.nan
    return found


def with_missing():
    data = DATA.copy()
    data[RANDOM.uniform(size=data.shape) < 0.2] = numpy.nan
    return data


def cases():
    yield from trees()
    yield from forests()
    if VERSION >= (1, 3):
        yield from missing()


def trees():
    yield exact("tree", DecisionTreeClassifier(random_state=0).fit(DATA, THREE))
    yield exact("tree-stump", DecisionTreeClassifier(max_depth=1).fit(DATA, BINARY))
    yield exact("tree-leaf", DecisionTreeClassifier().fit(DATA[:5], [7] * 5))
    yield exact("tree-entropy", DecisionTreeClassifier(criterion="entropy", max_depth=4).fit(DATA, WORDS), layout=2)
    yield exact("tree-bool", DecisionTreeClassifier(min_samples_leaf=7).fit(DATA, BINARY == 1), layout=5)
    yield exact("tree-weights", DecisionTreeClassifier(max_leaf_nodes=6).fit(DATA, THREE, WEIGHTS), layout="joblib")
    yield exact("extra-tree", ExtraTreeClassifier(random_state=3, max_depth=6).fit(DATA, THREE))
    yield exact("tree-regressor", DecisionTreeRegressor(max_depth=5).fit(DATA, SCORE), layout=5)
    yield exact("tree-absolute", DecisionTreeRegressor(criterion="absolute_error", max_depth=4).fit(DATA, SCORE))
    yield exact("tree-outputs", DecisionTreeRegressor(max_depth=3).fit(DATA, DATA[:, :2] - SCORE[:, None]))
    yield exact("tree-one-output", DecisionTreeRegressor(max_depth=3).fit(DATA, SCORE[:, None]), layout=3)
    yield exact("extra-tree-regressor", ExtraTreeRegressor(random_state=2, max_depth=5).fit(DATA, SCORE))
    # So many classes that most are missing in a leaf.
    many = RANDOM.randint(0, 24, size=90)
    yield exact("tree-classes", DecisionTreeClassifier(max_depth=5).fit(DATA, many))
    yield exact("tree-weighted-classes", DecisionTreeClassifier(max_depth=2).fit(DATA, many % 11, WEIGHTS))


def forests():
    forest = RandomForestClassifier(n_estimators=11, random_state=0, max_depth=5)
    yield exact("forest", forest.fit(DATA, THREE))
    forest = RandomForestClassifier(n_estimators=5, random_state=1, class_weight="balanced", max_depth=4)
    yield exact("forest-joblib", forest.fit(DATA, WORDS, WEIGHTS), layout="joblib")
    yield exact("forest-two", RandomForestClassifier(n_estimators=7, random_state=1, max_depth=3).fit(DATA, BINARY))
    many = RANDOM.randint(0, 24, size=90)
    yield exact("forest-classes", RandomForestClassifier(n_estimators=4, max_depth=4, random_state=0).fit(DATA, many))
    extra = ExtraTreesClassifier(n_estimators=9, max_depth=4, random_state=2)
    yield exact("extra-trees", extra.fit(DATA, WORDS), layout=2)
    forest = RandomForestRegressor(n_estimators=10, max_depth=4, random_state=0)
    yield exact("forest-regressor", forest.fit(DATA, SCORE))
    forest = RandomForestRegressor(n_estimators=3, max_depth=3, random_state=0)
    yield exact("forest-outputs", forest.fit(DATA, DATA[:, 1:4] + SCORE[:, None]))
    extra = ExtraTreesRegressor(n_estimators=6, max_depth=4, random_state=0, criterion="absolute_error")
    yield exact("extra-trees-regressor", extra.fit(DATA, SCORE), layout=5)


def missing():
    data = with_missing()
    yield exact("tree-missing", DecisionTreeClassifier(max_depth=6).fit(data, THREE), rows(missing=True))
    yield exact("tree-regressor-missing", DecisionTreeRegressor(max_depth=5).fit(data, SCORE), rows(missing=True))
    yield exact("tree-none-missing", DecisionTreeClassifier(max_depth=4).fit(DATA, THREE), rows(missing=True))
    if VERSION >= (1, 4):
        forest = RandomForestClassifier(n_estimators=5, max_depth=5, random_state=0)
        yield exact("forest-missing", forest.fit(data, THREE), rows(missing=True))
        forest = RandomForestRegressor(n_estimators=3, max_depth=4, random_state=0)
        yield exact("forest-regressor-missing", forest.fit(data, SCORE), rows(missing=True), layout="joblib")
    if VERSION >= (1, 6):
        extra = ExtraTreesClassifier(n_estimators=4, max_depth=4, random_state=0)
        yield exact("extra-trees-missing", extra.fit(data, THREE), rows(missing=True))
        yield exact("extra-tree-missing", ExtraTreeRegressor(max_depth=5).fit(data, SCORE), rows(missing=True))


def exact(name, model, asked=None, layout=4):
    return Case(name, model, rows() if asked is None else asked, layout=layout, tolerance=0)
