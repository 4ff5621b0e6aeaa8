import Pickle

/// The features that an estimator was fitted with.
package struct Features: Sendable, Equatable {
    /// Which values besides finite numbers an estimator takes.
    package enum Unusual: Sendable, Equatable {
        /// None.
        case none
        /// NaN, for a missing value.
        case missing
        /// NaN and infinity.
        case any
    }

    /// The number of features; at least 1.
    package let count: Int
    /// The features' names, if the estimator was fitted with a data frame.
    package let names: [String]?
    package let unusual: Unusual
    /// The features, by place, that are text: what an encoder was fitted with.
    package let texts: Set<Int>

    /// What an example has in a feature's place, where neither 0 nor empty text would do.
    package let examples: [Int: Example]
    /// The features, by place, that columns with names may leave out: those that the model doesn't look at.
    package let optional: Set<Int>

    /// One value of a feature.
    package enum Example: Sendable, Equatable {
        case number(Double)
        case text(String?)
    }

    package init(
        count: Int, names: [String]? = nil, unusual: Unusual = .none, texts: Set<Int> = [],
        examples: [Int: Example] = [:], optional: Set<Int> = []
    ) {
        self.count = count
        self.names = names
        self.unusual = unusual
        self.texts = texts
        self.examples = examples
        self.optional = optional
    }

    /// A row that the model should be able to answer: zeros, and text that means nothing, unless an estimator needs
    /// others.
    package var example: Table {
        if texts.isEmpty { return Table(row: (0..<count).map(exampleNumber)) }
        return Table(
            columns: (0..<count).map { index in
                Column(
                    name: names?[index],
                    values: texts.contains(index) ? .texts([exampleText(index)]) : .numbers([exampleNumber(index)]))
            })
    }

    private func exampleNumber(_ index: Int) -> Double {
        if case .number(let number)? = examples[index] { number } else { 0 }
    }

    private func exampleText(_ index: Int) -> String? {
        if case .text(let text)? = examples[index] { text } else { "" }
    }

    /// - Throws: `FeatureError` for the first value that the estimator doesn't take.
    func check(_ matrix: Matrix) throws(FeatureError) {
        if unusual == .any || matrix.isFinite { return }
        switch unusual {
        case .any: return
        case .missing:
            guard let place = matrix.values.firstIndex(where: \.isInfinite) else { return }
            throw notFinite(place, matrix)
        case .none:
            guard let place = matrix.values.firstIndex(where: { !$0.isFinite }) else { return }
            throw notFinite(place, matrix)
        }
    }

    private func notFinite(_ place: Int, _ matrix: Matrix) -> FeatureError {
        let (row, index) = place.quotientAndRemainder(dividingBy: matrix.columns)
        return .row(row, .notFinite(self[index], value: matrix.values[place]))
    }

    /// A feature by its place, for messages.
    subscript(index: Int) -> Feature { Feature(index: index, name: names?[index]) }
}

/// One feature of a row, for messages.
package struct Feature: Sendable, Hashable, CustomStringConvertible {
    /// Counted from 0.
    package let index: Int
    package let name: String?

    package init(index: Int, name: String? = nil) {
        self.index = index
        self.name = name
    }

    /// `feature 2`, or `feature 2 ('age')`.
    package var description: String { name.map { "feature \(index) (\(quoted($0)))" } ?? "feature \(index)" }
}
