/// A step on the way from a message to one of its values.
enum PathSegment: Equatable, Sendable {
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
enum MapKey: Hashable, Sendable {
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

extension Collection<PathSegment> where Self: BidirectionalCollection {
    /// The path for statistics: `probabilities[*].probability`, or `2.2` without types, where nothing tells a repeated field
    /// from another that comes twice.
    var pattern: String {
        text { segment in
            switch segment {
            case .place(let index): String(index)
            case .index, .key: nil
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

    /// - Parameter inBrackets: what is shown of an index or a key; `nil` for a star.
    private func text(_ inBrackets: (PathSegment) -> String?) -> String {
        var text = ""
        var isAfterNumber = false
        for segment in self {
            guard text.utf8.count < Difference.longestPath else {
                text.append("…")
                return text
            }
            switch segment {
            case .field(let name):
                if !text.isEmpty { text.append(".") }
                text.append(name)
            case .number(let number):
                if !text.isEmpty { text.append(".") }
                text.append(String(number))
            case .index, .place, .key:
                let shown = inBrackets(segment)
                if shown == nil, isAfterNumber, case .index = segment { break }
                text.append("[")
                text.append(shown ?? "*")
                text.append("]")
            }
            isAfterNumber = if case .number = segment { true } else { false }
        }
        return text
    }
}
