import Foundation
import Pickle

/// Files in all formats, which the tests of `Estimators` hold against scikit-learn's answers.
enum FormatFixtures {
    /// The bytes of a file of `EstimatorsTests/Fixtures/formats`.
    static func bytes(_ file: String) -> [UInt8] {
        [UInt8](try! Data(contentsOf: folder.appending(path: file)))
    }

    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../EstimatorsTests/Fixtures/formats")

    /// The classes in those files.
    static let classes: Set = [
        PythonName(module: "sklearn.linear_model._logistic", name: "LogisticRegression"),
        PythonName(module: "sklearn.preprocessing._data", name: "StandardScaler"),
        PythonName(module: "sklearn.pipeline", name: "Pipeline"),
    ]
}
