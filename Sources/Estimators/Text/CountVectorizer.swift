import Pickle

/// scikit-learn's `CountVectorizer`, and what it shares with `TfidfVectorizer`: how often each known term occurs in a
/// text.
///
/// The outputs are a dense row: a vocabulary of 100,000 terms makes one of 800 KB.
struct CountVectorizer: Transformer {
    private let analyzer: Analyzer
    /// The outputs of the known terms.
    private let vocabulary: [ExactText: Int]
    /// Whether a term counts once, however often it occurs.
    private let isBinary: Bool

    /// One column of text, in a table or by itself.
    let features = Features(count: 1, unusual: .any, texts: [0])
    let outputCount: Int
    var nanosecondsPerRow: Int { 20_000 + outputCount }

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        analyzer = try Analyzer(estimator, with: &reader)
        isBinary = try estimator.boolean("binary", missing: false)
        let members = try estimator.members("vocabulary_")
        try reader.charge(members.count, for: estimator, "vocabulary_")
        var vocabulary: [ExactText: Int] = [:]
        vocabulary.reserveCapacity(members.count)
        for member in members {
            guard case .string(let term) = member.key else {
                throw estimator.unusable("vocabulary_", member.key, expected: "a term")
            }
            guard case .integer(let output) = member.value, (0..<members.count).contains(output) else {
                throw estimator.unusable(
                    "vocabulary_", member.value, expected: "a place from 0 to \(members.count - 1)")
            }
            vocabulary[ExactText(term)] = output
        }
        guard !vocabulary.isEmpty else { throw estimator.unusable("vocabulary_", .none, expected: "a term") }
        self.vocabulary = vocabulary
        outputCount = members.count
    }

    func transform(_ table: Table) throws(FeatureError) -> Table {
        Table(try counts(table))
    }

    /// How often each term occurs in each row's text.
    func counts(_ table: Table) throws(FeatureError) -> Matrix {
        guard case .columns = table.content else { throw .row(0, .number(features[0])) }
        let column = try table.columns(for: features)[0]
        guard case .texts(let texts) = column.values else {
            throw .row(0, .number(Feature(index: 0, name: column.name)))
        }
        var matrix = Matrix(rows: texts.count, columns: outputCount)
        for (row, text) in texts.enumerated() {
            guard let text else { throw .row(row, .missing(Feature(index: 0, name: column.name))) }
            let start = row * outputCount
            analyzer.forEachTerm(of: text) { term in
                guard let output = vocabulary[term] else { return }
                if isBinary { matrix.values[start + output] = 1 } else { matrix.values[start + output] += 1 }
            }
        }
        return matrix
    }

    func origin(ofOutput place: Int) -> Int? { 0 }
}
