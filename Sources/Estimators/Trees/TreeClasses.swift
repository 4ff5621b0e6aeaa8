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
        EstimatorClass(
            "GradientBoostingClassifier", in: "sklearn.ensemble._gb", "sklearn.ensemble.gradient_boosting"
        ) { (estimator, reader) throws(ModelError) in
            try GradientBoostingClassifier.read(estimator, with: &reader)
        },
        EstimatorClass(
            "GradientBoostingRegressor", in: "sklearn.ensemble._gb", "sklearn.ensemble.gradient_boosting"
        ) { (estimator, reader) throws(ModelError) in
            .regressor(try GradientBoostingRegressor(estimator, with: &reader))
        },
        EstimatorClass("HistGradientBoostingClassifier", in: "\(histogram).gradient_boosting") {
            (estimator, reader) throws(ModelError) in
            try HistGradientBoostingClassifier.read(estimator, with: &reader)
        },
        EstimatorClass("HistGradientBoostingRegressor", in: "\(histogram).gradient_boosting") {
            (estimator, reader) throws(ModelError) in
            .regressor(try HistGradientBoostingRegressor(estimator, with: &reader))
        },
    ]

    private static let histogram = "sklearn.ensemble._hist_gradient_boosting"

    /// The classes of which trees consist.
    static let treeParts: Set<PythonName> = [
        PythonName(module: "sklearn.tree._tree", name: "Tree"),
        PythonName(module: "\(histogram).predictor", name: "TreePredictor"),
        PythonName(module: "\(histogram).binning", name: "_BinMapper"),
        // The encoder of categories inside histogram-based boosting.
        PythonName(module: "sklearn.compose._column_transformer", name: "ColumnTransformer"),
        PythonName(module: "sklearn.preprocessing._encoders", name: "OrdinalEncoder"),
    ]
}
