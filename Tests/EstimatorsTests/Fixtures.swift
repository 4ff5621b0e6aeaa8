import Foundation
import Testing

/// Models written by scikit-learn, with its own predictions; see `Fixtures/make_fixtures.py`.
struct Fixture: Decodable, Sendable, CustomTestStringConvertible {
    let file: String
    let classes: [String]
    let rows: [[Double]]
    let labels: [String]
    let probabilities: [[Double]]

    var testDescription: String { file }

    var pickle: [UInt8] { Self.bytes(of: Self.folder.appending(path: file)) }

    /// All models in the folder `Fixtures`.
    static let all: [Fixture] = {
        let json = Data(bytes(of: folder.appending(path: "answers.json")))
        return try! JSONDecoder().decode([Fixture].self, from: json)
    }()

    static func named(_ file: String) -> Fixture {
        all.first { $0.file == file }!
    }

    /// The bytes of a model that the repository ships.
    static func shippedModel(_ version: String) -> [UInt8] {
        bytes(of: folder.appending(path: "../../../models/\(version)/model.pkl"))
    }

    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")

    private static func bytes(of url: URL) -> [UInt8] {
        [UInt8](try! Data(contentsOf: url))
    }
}
