import Pickle

extension EstimatorClass {
    /// Decision trees, and ensembles of them in one flat array.
    static let trees = [
        EstimatorClass("DecisionTreeClassifier", in: "sklearn.tree._classes", "sklearn.tree.tree") {
            (estimator, reader) throws(ModelError) in .classifier(try ForestClassifier.tree(estimator, with: &reader))
        },
        EstimatorClass("ExtraTreeClassifier", in: "sklearn.tree._classes", "sklearn.tree.tree") {
            (estimator, reader) throws(ModelError) in .classifier(try ForestClassifier.tree(estimator, with: &reader))
        },
        EstimatorClass("DecisionTreeRegressor", in: "sklearn.tree._classes", "sklearn.tree.tree") {
            (estimator, reader) throws(ModelError) in .regressor(try ForestRegressor.tree(estimator, with: &reader))
        },
        EstimatorClass("ExtraTreeRegressor", in: "sklearn.tree._classes", "sklearn.tree.tree") {
            (estimator, reader) throws(ModelError) in .regressor(try ForestRegressor.tree(estimator, with: &reader))
        },
        EstimatorClass("RandomForestClassifier", in: "sklearn.ensemble._forest", "sklearn.ensemble.forest") {
            (estimator, reader) throws(ModelError) in
            .classifier(try ForestClassifier.forest(estimator, with: &reader))
        },
        EstimatorClass("ExtraTreesClassifier", in: "sklearn.ensemble._forest", "sklearn.ensemble.forest") {
            (estimator, reader) throws(ModelError) in
            .classifier(try ForestClassifier.forest(estimator, with: &reader))
        },
        EstimatorClass("RandomForestRegressor", in: "sklearn.ensemble._forest", "sklearn.ensemble.forest") {
            (estimator, reader) throws(ModelError) in .regressor(try ForestRegressor.forest(estimator, with: &reader))
        },
        EstimatorClass("ExtraTreesRegressor", in: "sklearn.ensemble._forest", "sklearn.ensemble.forest") {
            (estimator, reader) throws(ModelError) in .regressor(try ForestRegressor.forest(estimator, with: &reader))
        },
    ]

    /// The classes of which trees consist.
    static let treeParts: Set<PythonName> = [
        PythonName(module: "sklearn.tree._tree", name: "Tree")
    ]
}
