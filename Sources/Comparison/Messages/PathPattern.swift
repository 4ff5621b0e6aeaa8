/// A pattern for the paths of values, as an operator writes it to have them ignored.
///
/// `model_version` is a field of the message, `outputs[*].name` that field of each of the outputs, `parameters["model.id"]`
/// one key's value in a map, `*.id` the field `id` in any of the message's. A star stands for any one field, index or key, and
/// an index or key that is left out is any: `outputs.name` means the same as `outputs[*].name`. Everything below a path that
/// matches is ignored with it. Fields without a type go by their numbers: `2.1`. Three paths are not a field's: `(status)`,
/// `(messages)` for their number, `(message)` for a message as a whole.
package struct PathPattern: Sendable, Equatable {
    /// What is wrong with a text that is no pattern, in words that follow its quotation.
    package struct Flaw: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    enum Step: Sendable, Equatable {
        /// A field by its name or number; `nil` for any.
        case field(String?)
        /// An index or a key; `nil` for any.
        case bracket(String?)
    }

    /// More steps than this lead nowhere, as messages aren't nested that deep.
    private static let mostSteps = 256

    let steps: [Step]

    /// - Parameter text: 1 to 256 steps.
    package init(_ text: String) throws(Flaw) {
        var rest = text[...]
        var steps: [Step] = []
        while !rest.isEmpty {
            if rest.first == "[" {
                steps.append(.bracket(try Self.bracket(&rest)))
                guard rest.isEmpty || rest.first == "[" || rest.first == "." else {
                    throw Flaw(description: "has something else than \".\" or \"[\" after \"]\"")
                }
            } else {
                let name = rest.prefix { $0 != "." && $0 != "[" }
                guard !name.isEmpty, !name.contains("]") else {
                    throw Flaw(description: "has no field where one is due")
                }
                steps.append(.field(name == "*" ? nil : String(name)))
                rest = rest.dropFirst(name.count)
            }
            if rest.first == "." {
                rest = rest.dropFirst()
                guard let next = rest.first, next != "[" else { throw Flaw(description: "has no field after a \".\"") }
            }
        }
        guard !steps.isEmpty else { throw Flaw(description: "is empty") }
        guard steps.count <= Self.mostSteps else { throw Flaw(description: "has more than \(Self.mostSteps) steps") }
        self.steps = steps
    }

    /// Takes what is in a pair of brackets: a star, a number, or a key, in quotation marks if it has a bracket itself.
    private static func bracket(_ rest: inout Substring) throws(Flaw) -> String? {
        rest = rest.dropFirst()
        let isQuoted = rest.first == "\""
        if isQuoted { rest = rest.dropFirst() }
        let end = isQuoted ? "\"]" : "]"
        guard let (content, after) = split(rest, at: end) else {
            throw Flaw(description: "has a \"[\" without its \"]\"")
        }
        guard isQuoted || !content.isEmpty else { throw Flaw(description: "has nothing between its brackets") }
        rest = after
        return content == "*" && !isQuoted ? nil : String(content)
    }

    private static func split(_ text: Substring, at end: String) -> (Substring, Substring)? {
        var place = text.startIndex
        while place < text.endIndex {
            if text[place...].hasPrefix(end) {
                return (text[..<place], text[text.index(place, offsetBy: end.count)...])
            }
            place = text.index(after: place)
        }
        return nil
    }

    /// Whether an index or a key decides if a path matches.
    var hasIndex: Bool {
        steps.contains { step in if case .bracket(.some) = step { true } else { false } }
    }

    /// Whether a path leads to what this pattern names, or to something below it.
    func matches(_ path: [PathSegment]) -> Bool {
        var step = 0
        for segment in path {
            guard step < steps.count else { return true }
            if let name = segment.name {
                // Without types a field that comes once has no index.
                if case .bracket(nil) = steps[step] { step += 1 }
                guard step < steps.count else { return true }
                guard case .field(let wanted) = steps[step], wanted == nil || wanted == name else { return false }
                step += 1
            } else if case .bracket(let wanted) = steps[step] {
                guard wanted == nil || wanted == segment.bracket else { return false }
                step += 1
            }
        }
        return steps[step...].allSatisfy { $0 == .bracket(nil) }
    }
}

extension PathSegment {
    /// What a pattern calls a field.
    fileprivate var name: String? {
        switch self {
        case .field(let name): name
        case .number(let number): String(number)
        case .index, .place, .key: nil
        }
    }

    /// What a pattern has in brackets.
    fileprivate var bracket: String? {
        switch self {
        case .index(let index), .place(let index): String(index)
        case .key(let key): key.text()
        case .field, .number: nil
        }
    }
}
