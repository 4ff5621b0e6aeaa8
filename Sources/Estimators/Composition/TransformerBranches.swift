import Pickle

/// Reads transformers side by side.
struct TransformerBranches {
    private(set) var all: [TransformerBranch] = []
    private let estimator: PickledEstimator
    private let weights: PickledNode.Identifier?

    /// The largest number of transformers side by side.
    static let most = 10_000

    init(_ estimator: PickledEstimator) {
        self.estimator = estimator
        weights = if case .node(let node)? = estimator.optional("transformer_weights") { node } else { nil }
    }

    /// Reads a transformer, or `passthrough`.
    ///
    /// - Parameter places: those of its features; nil if it takes all, in which case `spread(over:)` tells them later.
    /// - Returns: its features; nil if they pass through.
    @discardableResult
    mutating func add(
        name: String, _ value: PickledValue, places: [Int]?, with reader: inout ModelReader
    ) throws(ModelError) -> Features? {
        let part = "\(estimator.kind.name) transformer \(quoted(name))"
        var transformer: (any Transformer)?
        if value != .string("passthrough") {
            guard case .transformer(let read) = try reader.estimator(value, part: part) else {
                throw .unusable(
                    part: part, found: estimator.document.summary(of: value), expected: "a transformer",
                    offset: estimator.document.offset(of: value))
            }
            if let places, read.features.count != places.count {
                throw .unusable(
                    part: part, found: "\(read.features.count) features", expected: "\(places.count) columns",
                    offset: estimator.document.offset(of: value))
            }
            transformer = read
        }
        all.append(
            TransformerBranch(transformer: transformer, places: places ?? [], start: 0, weight: try weight(name)))
        return transformer?.features
    }

    private func weight(_ name: String) throws(ModelError) -> Double? {
        guard let weights, let value = estimator.document.member(name, of: weights) else { return nil }
        guard let weight = value.number, weight.isFinite else {
            throw estimator.unusable("transformer_weights", value, expected: "a number")
        }
        return weight
    }

    /// Gives every branch all of the features.
    mutating func spread(over count: Int) {
        let places = Array(0..<count)
        for index in all.indices { all[index].places = places }
    }

    /// Puts the branches' outputs side by side, and returns their number.
    mutating func outputCount(_ attribute: String) throws(ModelError) -> Int {
        var count = 0
        for index in all.indices {
            all[index].start = count
            count += all[index].outputCount
            guard count <= Self.mostOutputs else { break }
        }
        guard (1...Self.mostOutputs).contains(count) else {
            throw estimator.unusable(
                attribute, try estimator.required(attribute), expected: "1 to \(Self.mostOutputs) outputs")
        }
        return count
    }

    private static let mostOutputs = 1 << 20

    /// The features of the whole that are text.
    var texts: Set<Int> {
        var texts: Set<Int> = []
        for branch in all {
            for place in branch.transformer?.features.texts ?? [] { texts.insert(branch.places[place]) }
        }
        return texts
    }

    var examples: [Int: Features.Example] {
        var examples: [Int: Features.Example] = [:]
        for branch in all {
            for (place, example) in branch.transformer?.features.examples ?? [:] {
                examples[branch.places[place]] = example
            }
        }
        return examples
    }

    var nanosecondsPerRow: Int {
        all.reduce(100) { $0 + ($1.transformer?.nanosecondsPerRow ?? 0) + 2 * $1.outputCount }
    }
}
