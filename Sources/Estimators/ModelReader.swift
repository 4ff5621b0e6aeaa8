import Pickle

/// Reads a model's estimators from a document, each in its place, and keeps account of what it costs.
struct ModelReader {
    let document: PickledDocument

    /// The names of the estimators that do something, in the order in which a row passes them; containers are left out.
    private(set) var steps: [String] = []
    /// See `Model.ignored`.
    private(set) var ignored: [String] = []

    private var depth = 0
    private var estimatorCount = 0
    private var used = 0
    private let documentSize: Int
    private var elementCount = 0
    /// The estimators that were read, by the nodes that hold them: what a file refers to several times is read once.
    private var known: [PickledNode.Identifier: Known] = [:]

    /// An estimator that was read, with what it adds to a model.
    private struct Known {
        let estimator: Estimator
        let count: Int
        let steps: [String]
    }

    init(_ document: PickledDocument) {
        self.document = document
        documentSize = document.size
    }

    /// Reads one estimator.
    ///
    /// - Parameter part: its role in the model, for the error: `Pipeline step 'scale'`.
    mutating func estimator(_ value: PickledValue, part: String) throws(ModelError) -> Estimator {
        let estimator = try PickledEstimator(value, in: document, part: part)
        let node: PickledNode.Identifier? = if case .node(let node) = value { node } else { nil }
        let known = node.flatMap { self.known[$0] }
        // These two limits keep a model finite that contains itself, or one estimator a million times.
        guard depth < Self.deepest, estimatorCount + (known?.count ?? 1) <= Self.mostEstimators else {
            throw .unusable(
                part: part, found: "one estimator more",
                expected: "at most \(Self.mostEstimators) of them, \(Self.deepest) inside one another",
                offset: estimator.offset)
        }
        if let known {
            estimatorCount += known.count
            steps += known.steps
            return known.estimator
        }
        depth += 1
        let countBefore = estimatorCount
        estimatorCount += 1
        defer { depth -= 1 }
        try use(estimator.size, of: estimator)
        let stepsBefore = steps.count
        let read = try estimator.kind.read(estimator, &self)
        if steps.count == stepsBefore { steps.append(estimator.kind.name) }
        ignored += estimator.opaqueAttributes(limit: Self.mostIgnored - ignored.count)
        if let node {
            self.known[node] = Known(
                estimator: read, count: estimatorCount - countBefore, steps: Array(steps[stepsBefore...]))
        }
        return read
    }

    /// Reads an estimator that is not a step of its own.
    ///
    /// - Parameter part: see ``estimator(_:part:)``.
    mutating func part(_ value: PickledValue, part: String) throws(ModelError) -> Estimator {
        let stepsBefore = steps
        defer { steps = stepsBefore }
        return try estimator(value, part: part)
    }

    /// Keeps account of what is used for the model, before it is: a file of a few bytes can name the same estimator, tree or
    /// array a million times.
    ///
    /// - Parameters:
    ///   - size: the number of values.
    ///   - estimator: their owner, for the error.
    mutating func use(_ size: Int, of estimator: PickledEstimator) throws(ModelError) {
        used += size
        guard used <= Self.mostUses * documentSize else {
            throw .unusable(
                part: estimator.kind.name, found: "one use more of the same values", expected: "values of its own",
                offset: estimator.offset)
        }
    }

    /// How often the document's values may be used, on average: some estimators share what they were fitted with.
    private static let mostUses = 8

    /// Accounts for elements that an estimator keeps in a form of its own: categories, words, chosen columns.
    ///
    /// The file may refer to one list a million times; what is made of it is new each time.
    ///
    /// - Throws: `ModelError` once a model's estimators have more than any real model.
    mutating func charge(_ count: Int, for estimator: PickledEstimator, _ attribute: String) throws(ModelError) {
        guard count <= Self.mostElements - elementCount else {
            throw .unusable(
                part: "\(estimator.kind.name).\(attribute)", found: "\(count) elements more",
                expected: "at most \(Self.mostElements) in all of a model", offset: estimator.offset)
        }
        elementCount += count
    }

    private static let deepest = 8
    private static let mostEstimators = 100_000
    private static let mostIgnored = 16
    private static let mostElements = 1 << 23
}
