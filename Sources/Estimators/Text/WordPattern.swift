import Pickle

/// The regular expressions for words that are known: those for runs of characters of one kind.
struct WordPattern: Sendable {
    private enum Kind: Sendable {
        /// `\w`: letters, digits and underscores.
        case word
        /// `\S`: all that isn't white.
        case notWhite
    }

    private let kind: Kind
    /// The smallest number of characters of a run that is a word.
    private let shortest: Int

    init(_ estimator: PickledEstimator) throws(ModelError) {
        let value = estimator.optional("token_pattern") ?? .string(Self.standard)
        guard case .string(let pattern) = value, pattern.utf8.count < 64, let known = Self.known[pattern] else {
            throw estimator.unusable(
                "token_pattern", value, expected: #"one of \#(Self.runs.map(\.pattern).joined(separator: ", "))"#)
        }
        (kind, shortest) = known
    }

    private static let standard = #"(?u)\b\w\w+\b"#

    private static let runs: [(pattern: String, kind: Kind, shortest: Int)] = [
        (#"\w+"#, .word, 1), (#"\w\w+"#, .word, 2), (#"\w\w\w+"#, .word, 3), (#"\w{2,}"#, .word, 2),
        (#"\w{3,}"#, .word, 3), (#"\w{4,}"#, .word, 4), (#"\w{1,}"#, .word, 1), (#"\S+"#, .notWhite, 1),
        (#"[^\s]+"#, .notWhite, 1), (#"\S\S+"#, .notWhite, 2),
    ]

    /// A run of word characters ends where a word does, so that it is the same with `\b` on either side.
    private static let known: [String: (Kind, Int)] = {
        var known: [String: (Kind, Int)] = [:]
        for (pattern, kind, shortest) in runs {
            for flag in ["", "(?u)"] {
                known[flag + pattern] = (kind, shortest)
                if case .word = kind { known[flag + #"\b"# + pattern + #"\b"#] = (kind, shortest) }
            }
        }
        return known
    }()

    /// The words of a text, in order.
    func words(in text: String) -> [String] {
        let scalars = text.unicodeScalars
        var words: [String] = []
        var start: String.Index?
        var length = 0
        for place in scalars.indices {
            let isPart =
                switch kind {
                case .word: scalars[place].isPythonWord
                case .notWhite: !scalars[place].isPythonSpace
                }
            if isPart {
                if start == nil { start = place }
                length += 1
            } else if let first = start {
                if length >= shortest { words.append(String(scalars[first..<place])) }
                start = nil
                length = 0
            }
        }
        if let start, length >= shortest { words.append(String(scalars[start...])) }
        return words
    }
}
