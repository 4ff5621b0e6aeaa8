import Pickle

/// How a vectorizer takes a text apart into terms.
///
/// Source: scikit-learn, `feature_extraction/text.py`, `_VectorizerMixin.build_analyzer`.
struct Analyzer: Sendable {
    private enum Unit: Sendable {
        /// Words, joined by spaces, without some that are left out.
        case words(WordPattern, without: Set<ExactText>)
        case characters
        /// Characters of one word with a space on either side.
        case charactersOfWords
    }

    private let unit: Unit
    /// The numbers of units that make a term.
    private let lengths: ClosedRange<Int>
    private let isLowercase: Bool

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        for attribute in ["preprocessor", "tokenizer"] {
            let value = estimator.optional(attribute) ?? .none
            guard value == .none else { throw estimator.unusable(attribute, value, expected: "no function") }
        }
        _ = try estimator.option("input", missing: "content", known: ["content"])
        isLowercase = try estimator.boolean("lowercase", missing: true)
        // Taking characters apart needs Unicode's tables, of which the standard library has but a part.
        if let accents = estimator.optional("strip_accents"), accents != .none {
            throw estimator.unusable("strip_accents", accents, expected: "None")
        }
        lengths = try Self.lengths(of: estimator)
        switch try estimator.option("analyzer", missing: "word", known: ["word", "char", "char_wb"]) {
        case "char": unit = .characters
        case "char_wb": unit = .charactersOfWords
        default: unit = .words(try WordPattern(estimator), without: try Self.stopWords(of: estimator, &reader))
        }
    }

    private static func lengths(of estimator: PickledEstimator) throws(ModelError) -> ClosedRange<Int> {
        let value = try estimator.required("ngram_range")
        guard let bounds = estimator.document.tuple(value) ?? estimator.document.list(value), bounds.count == 2,
            case .integer(let low) = bounds[0], case .integer(let high) = bounds[1], 1 <= low, low <= high,
            high <= longest
        else {
            throw estimator.unusable("ngram_range", value, expected: "two numbers from 1 to \(longest)")
        }
        return low...high
    }

    private static let longest = 64

    private static func stopWords(
        of estimator: PickledEstimator, _ reader: inout ModelReader
    ) throws(ModelError) -> Set<ExactText> {
        let value = estimator.optional("stop_words") ?? .none
        if value == .none { return [] }
        if value == .string("english") { return EnglishStopWords.all }
        let document = estimator.document
        guard let items = document.list(value) ?? document.tuple(value) ?? document.set(value) else {
            throw estimator.unusable("stop_words", value, expected: "'english' or a list of words")
        }
        try reader.charge(items.count, for: estimator, "stop_words")
        var words: Set<ExactText> = []
        for item in items {
            guard case .string(let word) = item else {
                throw estimator.unusable("stop_words", item, expected: "a word")
            }
            words.insert(ExactText(word))
        }
        return words
    }

    /// Calls `body` with each term of a text, as often as it occurs.
    func forEachTerm(of text: String, _ body: (ExactText) -> Void) {
        let text = isLowercase ? text.pythonLowercased() : text
        switch unit {
        case .words(let pattern, let leftOut):
            var words = pattern.words(in: text)
            if !leftOut.isEmpty { words.removeAll { leftOut.contains(ExactText($0)) } }
            for length in lengths where length <= words.count {
                for start in 0...(words.count - length) {
                    body(ExactText(length == 1 ? words[start] : words[start..<start + length].joined(separator: " ")))
                }
            }
        case .characters:
            let characters = Self.withSingleSpaces(text)
            for length in lengths where length <= characters.count {
                for start in 0...(characters.count - length) { body(Self.term(characters[start..<start + length])) }
            }
        case .charactersOfWords:
            for word in Self.withSingleSpaces(text).split(whereSeparator: \.isPythonSpace) {
                let word = [" "] + Array(word) + [" "]
                for length in lengths {
                    if length >= word.count {
                        // A word that is shorter counts once, however many lengths there are.
                        body(Self.term(word[...]))
                        break
                    }
                    for start in 0...(word.count - length) { body(Self.term(word[start..<start + length])) }
                }
            }
        }
    }

    private static func term(_ scalars: ArraySlice<Unicode.Scalar>) -> ExactText {
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars)
        return ExactText(String(text))
    }

    /// A text's characters, with one space in place of several white ones in a row.
    private static func withSingleSpaces(_ text: String) -> [Unicode.Scalar] {
        let scalars = Array(text.unicodeScalars)
        var single: [Unicode.Scalar] = []
        single.reserveCapacity(scalars.count)
        var place = 0
        while place < scalars.count {
            var end = place
            while end < scalars.count, scalars[end].isPythonSpace { end += 1 }
            if end - place >= 2 {
                single.append(" ")
                place = end
            } else {
                single.append(scalars[place])
                place += 1
            }
        }
        return single
    }
}
