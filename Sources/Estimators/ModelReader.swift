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

    init(_ document: PickledDocument) {
        self.document = document
        documentSize = document.size
    }

    /// Reads one estimator.
    ///
    /// - Parameter part: its role in the model, for the error: `Pipeline step 'scale'`.
    mutating func estimator(_ value: PickledValue, part: String) throws(ModelError) -> Estimator {
        let estimator = try PickledEstimator(value, in: document, part: part)
        // These two limits keep a model finite that contains itself, or one estimator a million times.
        guard depth < Self.deepest, estimatorCount < Self.mostEstimators else {
            throw .unusable(
                part: part, found: "one estimator more",
                expected: "at most \(Self.mostEstimators) of them, \(Self.deepest) inside one another",
                offset: estimator.offset)
        }
        depth += 1
        estimatorCount += 1
        defer { depth -= 1 }
        try use(estimator.size, of: estimator)
        let stepsBefore = steps.count
        let read = try estimator.kind.read(estimator, &self)
        if steps.count == stepsBefore { steps.append(estimator.kind.name) }
        ignored += estimator.opaqueAttributes(limit: Self.mostIgnored - ignored.count)
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

    private static let deepest = 8
    private static let mostEstimators = 100_000
    private static let mostIgnored = 16
}
