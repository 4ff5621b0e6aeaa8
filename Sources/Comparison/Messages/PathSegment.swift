/// A step on the way from a message to one of its values.
enum PathSegment: Equatable {
    /// A field of a known type, by its name.
    case field(String)
    /// A field that no type describes, by its number.
    case number(UInt32)
    /// One of a repeated field's values, from 0.
    case index(Int)
    /// One of a repeated field's values that differ in kind: those of raw tensors, which are the model's outputs in their
    /// order. Statistics keep them apart.
    case place(Int)
    /// A map's value, by its key.
    case key(MapKey)
}

/// A map's key.
enum MapKey: Hashable {
    case text([UInt8])
    case signed(Int64)
    case unsigned(UInt64)
    case boolean(Bool)

    init(_ number: Number, _ kind: ScalarKind) {
        switch number {
        case .signed(let value): self = .signed(value)
        case .unsigned(let value): self = kind == .bool ? .boolean(value != 0) : .unsigned(value)
        // Protobuf has no such keys.
        case .real(let value): self = .unsigned(value.bitPattern)
        }
    }

    /// The key as text; a string is cut off at `limit` bytes.
    func text(limit: Int = .max) -> String {
        switch self {
        case .text(let bytes): String(decoding: bytes.prefix(limit), as: UTF8.self) + (bytes.count > limit ? "…" : "")
        case .signed(let value): String(value)
        case .unsigned(let value): String(value)
        case .boolean(let value): String(value)
        }
    }
}

extension [PathSegment] {
    /// The path for statistics: `probabilities[*].probability`, or `2.2` without types, where nothing tells a repeated field
    /// from another that comes twice.
    var pattern: String {
        text { segment in
            switch segment {
            case .place(let index): String(index)
            case .index, .key: "*"
            case .field, .number: nil
            }
        }
    }

    /// The path of one value: `probabilities[1].probability`.
    ///
    /// - Parameter reveal: whether a map's text keys are shown; otherwise there are only their lengths.
    func place(reveal: Bool) -> String {
        text { segment in
            switch segment {
            case .index(let index), .place(let index): String(index)
            case .key(.text(let bytes)) where !reveal: "\(bytes.count) bytes"
            case .key(let key): key.text(limit: Value.mostRevealed)
            case .field, .number: nil
            }
        }
    }

    private func text(_ inBrackets: (PathSegment) -> String?) -> String {
        var text = ""
        for (place, segment) in enumerated() {
            guard text.utf8.count < Difference.longestPath else { return text + "…" }
            switch segment {
            case .field(let name): text += text.isEmpty ? name : "." + name
            case .number(let number): text += text.isEmpty ? String(number) : ".\(number)"
            case .index where place > 0 && isUntyped(place - 1) && inBrackets(segment) == "*": break
            case .index, .place, .key: text += "[\(inBrackets(segment) ?? "*")]"
            }
        }
        return text
    }

    private func isUntyped(_ place: Int) -> Bool {
        if case .number = self[place] { true } else { false }
    }
}
