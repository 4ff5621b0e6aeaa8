/// The version that a color has to say it is, as `expect` gives it: `VERSION`, or `MODEL@VERSION` for one model of a server
/// that has several.
package struct ExpectedVersion: Sendable, Equatable, CustomStringConvertible {
    /// The model; `nil` where the endpoint as a whole has a version.
    package let model: String?
    package let version: String

    /// The most bytes of both together.
    package static let longest = 200
    /// What is allowed, to end a sentence with.
    package static let allowed =
        "a version such as v1.1.0, or a model's such as iris@2, of at most \(longest) bytes, without spaces"

    /// Reads what `description` writes; `nil` for anything else.
    package init?(_ text: String) {
        guard text.utf8.count <= Self.longest, text.unicodeScalars.allSatisfy({ !$0.isBlankOrControl }) else {
            return nil
        }
        guard let at = text.lastIndex(of: "@") else {
            guard !text.isEmpty else { return nil }
            (model, version) = (nil, text)
            return
        }
        let (model, version) = (text[..<at], text[text.index(after: at)...])
        guard !model.isEmpty, !version.isEmpty else { return nil }
        (self.model, self.version) = (String(model), String(version))
    }

    package var description: String { model.map { "\($0)@\(version)" } ?? version }
}

/// An expectation is encoded as its text.
extension ExpectedVersion: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let expectation = ExpectedVersion(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "allowed: \(Self.allowed)")
        }
        self = expectation
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension Unicode.Scalar {
    fileprivate var isBlankOrControl: Bool {
        properties.isWhitespace || properties.generalCategory == .control
    }
}
