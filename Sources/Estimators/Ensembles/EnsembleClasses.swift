import Pickle

extension EstimatorClass {
    /// Estimators that combine others, and dummies.
    static let ensembles = [
        EstimatorClass("DummyClassifier", in: "sklearn.dummy") { (estimator, _) throws(ModelError) in
            .classifier(try DummyClassifier(estimator))
        },
        EstimatorClass("DummyRegressor", in: "sklearn.dummy") { (estimator, _) throws(ModelError) in
            .regressor(try DummyRegressor(estimator))
        },
        EstimatorClass("VotingClassifier", in: "sklearn.ensemble._voting", "sklearn.ensemble.voting") {
            (estimator, reader) throws(ModelError) in
            .classifier(try VotingClassifier(estimator, with: &reader))
        },
        EstimatorClass("VotingRegressor", in: "sklearn.ensemble._voting", "sklearn.ensemble.voting") {
            (estimator, reader) throws(ModelError) in
            .regressor(try VotingRegressor(estimator, with: &reader))
        },
        EstimatorClass("BaggingClassifier", in: "sklearn.ensemble._bagging", "sklearn.ensemble.bagging") {
            (estimator, reader) throws(ModelError) in
            .classifier(try BaggingClassifier(estimator, with: &reader))
        },
        EstimatorClass("BaggingRegressor", in: "sklearn.ensemble._bagging", "sklearn.ensemble.bagging") {
            (estimator, reader) throws(ModelError) in
            .regressor(try BaggingRegressor(estimator, with: &reader))
        },
        EstimatorClass(
            "AdaBoostClassifier", in: "sklearn.ensemble._weight_boosting", "sklearn.ensemble.weight_boosting"
        ) { (estimator, reader) throws(ModelError) in
            .classifier(try AdaBoostClassifier(estimator, with: &reader))
        },
        EstimatorClass("AdaBoostRegressor", in: "sklearn.ensemble._weight_boosting", "sklearn.ensemble.weight_boosting")
        { (estimator, reader) throws(ModelError) in
            .regressor(try AdaBoostRegressor(estimator, with: &reader))
        },
        EstimatorClass("StackingClassifier", in: "sklearn.ensemble._stacking") {
            (estimator, reader) throws(ModelError) in
            .classifier(try StackingClassifier(estimator, with: &reader))
        },
        EstimatorClass("StackingRegressor", in: "sklearn.ensemble._stacking") {
            (estimator, reader) throws(ModelError) in
            .regressor(try StackingRegressor(estimator, with: &reader))
        },
        EstimatorClass("IsolationForest", in: "sklearn.ensemble._iforest", "sklearn.ensemble.iforest") {
            (estimator, reader) throws(ModelError) in
            .classifier(try IsolationForest(estimator, with: &reader))
        },
        EstimatorClass("MultiOutputRegressor", in: "sklearn.multioutput") { (estimator, reader) throws(ModelError) in
            .regressor(try MultiOutputRegressor(estimator, with: &reader))
        },
        EstimatorClass("RegressorChain", in: "sklearn.multioutput") { (estimator, reader) throws(ModelError) in
            .regressor(try RegressorChain(estimator, with: &reader))
        },
        EstimatorClass("OneVsRestClassifier", in: "sklearn.multiclass") { (estimator, reader) throws(ModelError) in
            .classifier(try OneVsRestClassifier(estimator, with: &reader))
        },
        EstimatorClass("OneVsOneClassifier", in: "sklearn.multiclass") { (estimator, reader) throws(ModelError) in
            .classifier(try OneVsOneClassifier(estimator, with: &reader))
        },
        EstimatorClass("CalibratedClassifierCV", in: "sklearn.calibration") { (estimator, reader) throws(ModelError) in
            .classifier(try CalibratedClassifier(estimator, with: &reader))
        },
    ]

    /// The classes of which ensembles consist besides estimators.
    static let ensembleParts: Set<PythonName> = [
        PythonName(module: "sklearn.calibration", name: "_CalibratedClassifier"),
        PythonName(module: "sklearn.calibration", name: "_SigmoidCalibration"),
        PythonName(module: "sklearn.calibration", name: "_TemperatureScaling"),
        PythonName(module: "sklearn.isotonic", name: "IsotonicRegression"),
        PythonName(module: "sklearn.preprocessing._label", name: "LabelBinarizer"),
    ]
}
