import Estimators
import Foundation
import Testing

/// A model that scikit-learn wrote, with the rows that it was asked about and its answers; see
/// `Fixtures/make_models.sh`.
struct Answers: Decodable, Sendable, CustomTestStringConvertible {
    struct NamedColumn: Decodable, Sendable {
        /// Nil for what a transformer makes.
        let name: String?
        let numbers: [Number]?
        let texts: [String?]?
    }

    /// The name of the file.
    let file: String
    /// 0 for the same bits; else the largest difference, as a share of the row's largest magnitude.
    let tolerance: Double
    private let rows: [[Number]]?
    private let columns: [NamedColumn]?
    /// A classifier's predictions, as Python prints them.
    let labels: [String]?
    let probabilities: [[Number]]?
    /// A regressor's predictions.
    let numbers: [[Number]]?
    /// What a transformer makes of the rows.
    let outputs: [NamedColumn]?
    /// Whether a regressor's predictions are numbers, and not lists of one.
    let single: Bool?

    /// The folder of the file.
    private(set) var family = ""

    private enum CodingKeys: String, CodingKey {
        case file, tolerance, rows, columns, labels, probabilities, numbers, single, outputs
    }

    var testDescription: String { "\(family)/\(file)" }

    var bytes: [UInt8] { Self.bytes(of: Self.folder.appending(path: "\(family)/\(file)")) }

    /// What the model was asked about.
    var table: Table {
        if let columns {
            return Table(
                columns: columns.map { column in
                    Column(
                        name: column.name,
                        values: column.numbers.map { .numbers($0.map(\.value)) } ?? .texts(column.texts!))
                })
        }
        let rows = rows!
        return Table(
            Matrix(rows: rows.count, columns: rows[0].count, values: rows.flatMap { $0.map(\.value) }))
    }

    /// The models of all versions of scikit-learn, of all families.
    static let all = everything.filter { $0.outputs == nil }

    /// Transformers by themselves.
    static let transformers = everything.filter { $0.outputs != nil }

    private static let everything: [Answers] = {
        let families = try! FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        return families.flatMap { family -> [Answers] in
            let files =
                (try? FileManager.default.contentsOfDirectory(atPath: folder.appending(path: family).path)) ?? []
            return files.sorted().filter { $0.hasPrefix("answers-") }.flatMap { file -> [Answers] in
                let json = Data(bytes(of: folder.appending(path: "\(family)/\(file)")))
                return try! JSONDecoder().decode([Answers].self, from: json).map { answers in
                    var answers = answers
                    answers.family = family
                    return answers
                }
            }
        }
    }()

    /// Small ones of all kinds, to be damaged; where several have a name, with the folder.
    static let damaged = [
        "tree-stump-1.9.1.pkl", "tree-weights-1.2.2.joblib", "boosting-frequent-1.9.1.pkl", "categories-1.2.2.pkl",
        "categories-words-1.9.1.pkl", "steps-joblib-zlib-1.9.1.joblib", "steps-joblib-xz-1.6.1.joblib",
        "steps-deflated-skops-1.9.1.skops", "forest-skops-1.9.1.skops",
        "sgd-modified_huber-1.2.2.pkl", "ridge-classifier-1.9.1.pkl", "qda-1.4.2.pkl",
        "svc-proba-1.9.1.pkl", "svr-poly-1.6.1.pkl", "radius-regressor-targets-1.4.2.pkl", "mlp-deep-1.9.1.pkl",
        "bernoulli-1.9.1.pkl", "categorical-1.2.2.pkl", "linear-targets-1.6.1.pkl", "tweedie-1.5-auto-1.9.1.pkl",
        "people-kinds-1.2.2.pkl", "function-columns-1.9.1.pkl", "union-weights-1.6.1.pkl",
        "target-logarithm-1.9.1.pkl", "text-model-1.4.2.pkl", "projection-model-1.9.1.pkl",
        "xgboost/categories-two-1.6.1.pkl", "xgboost/hinge-1.9.1.pkl", "lightgbm/categories-zero-1.6.1.pkl",
        "lightgbm/ranker-1.9.1.pkl", "rest-one-1.4.2.pkl",
    ].map { file in all.first { $0.file == file || $0.testDescription == file }! }

    static func family(_ name: String) -> [Answers] { all.filter { $0.family == name } }

    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")

    private static func bytes(of url: URL) -> [UInt8] {
        [UInt8](try! Data(contentsOf: url))
    }
}

/// A number in an answer; JSON has neither NaN nor infinity, which are text there.
struct Number: Decodable, Sendable {
    let value: Double

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        value = try (try? container.decode(Double.self)) ?? Double(container.decode(String.self)) ?? .nan
    }
}
