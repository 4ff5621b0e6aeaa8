import Comparison
import Foundation

/// Descriptors by protoc, and messages by protobuf with the paths at which they differ; see `Fixtures/make_fixtures.py`.
enum Fixtures {
    struct Case: Decodable {
        let left: String
        let right: String
        let paths: [String]
    }

    static let cook = "/kitchen.Kitchen/Cook"
    static let recall = "/kitchen.Kitchen/Recall"
    static let modern = "/kitchen.Kitchen/Modern"
    static let predict = "/prediction.v1.PredictionService/Predict"
    static let infer = "/inference.GRPCInferenceService/ModelInfer"

    static let descriptorSet = bytes("types.desc")
    static let descriptors = try! Descriptors(fileDescriptorSet: descriptorSet)
    static let cases = try! JSONDecoder().decode([Case].self, from: Data(bytes("cases.json")))

    private static func bytes(_ name: String) -> [UInt8] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
        return [UInt8](try! Data(contentsOf: folder.appending(path: name)))
    }

    static func hex(_ text: String) -> [UInt8] {
        let digits = text.utf8.map { UInt8($0 < 58 ? $0 - 48 : $0 - 87) }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}

extension Comparer {
    /// With the fixtures' descriptors, or without any.
    static func make(typed: Bool = true, _ change: (inout ComparisonSettings) -> Void = { _ in }) -> Comparer {
        var settings = ComparisonSettings()
        change(&settings)
        return Comparer(descriptors: typed ? Fixtures.descriptors : Descriptors(), settings: settings)
    }

    /// Compares two messages, each alone in its answer.
    func compare(_ active: [UInt8], _ other: [UInt8], method: String = Fixtures.cook) -> Outcome {
        compare(
            Answer(status: 0, body: FramingTests.framed(active)), Answer(status: 0, body: FramingTests.framed(other)),
            method: method)
    }
}

extension Outcome {
    /// The paths that differ, in order; none if nothing does. `nil` if it was given up.
    var paths: [String]? {
        switch self {
        case .equal: []
        case .different(let differences): differences.list.map(\.path).sorted()
        case .givenUp: nil
        }
    }

    var differences: Differences? {
        if case .different(let differences) = self { differences } else { nil }
    }

    /// The only difference.
    var only: Difference? {
        differences.flatMap { $0.list.count == 1 ? $0.list[0] : nil }
    }
}

extension Difference {
    /// The first pair of values, as text.
    var pair: String { "\(first.active) | \(first.other)" }
}
