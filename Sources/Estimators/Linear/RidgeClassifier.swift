import Pickle

/// scikit-learn's `RidgeClassifier` and `RidgeClassifierCV`.
///
/// Source: scikit-learn, `sklearn/linear_model/_ridge.py`, `_RidgeClassifierMixin`.
enum RidgeClassifier {
    /// The classes are the label binarizer's; only since scikit-learn 1.7 are they the classifier's own as well. Only
    /// the binarizer knows whether the model gives a row several labels.
    static func read(_ estimator: PickledEstimator) throws(ModelError) -> Estimator {
        guard let binarizer = estimator.part("_label_binarizer", of: binarizerName) else {
            throw estimator.unusable(
                "_label_binarizer", try estimator.required("_label_binarizer"), expected: "a LabelBinarizer")
        }
        switch estimator.document.member("y_type_", of: binarizer) ?? .none {
        case .string("binary"), .string("multiclass"): break
        case let other:
            throw estimator.unusable("_label_binarizer.y_type_", other, expected: "'binary' or 'multiclass'")
        }
        let classes = try estimator.classes(
            estimator.document.member("classes_", of: binarizer) ?? .none, of: "_label_binarizer.classes_")
        return .classifier(try LinearClassifier(estimator, link: .none, classes: classes))
    }

    static let binarizerName = PythonName(module: "sklearn.preprocessing._label", name: "LabelBinarizer")
}
