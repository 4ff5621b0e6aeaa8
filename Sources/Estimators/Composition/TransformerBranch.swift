/// One of several transformers side by side.
struct TransformerBranch: Sendable {
    /// Nil if the features pass through.
    let transformer: (any Transformer)?
    /// The places of its features among those of the whole.
    var places: [Int]
    /// The place of its first output among those of the whole.
    var start: Int
    /// What its outputs are multiplied by.
    let weight: Double?

    /// The number of its outputs.
    var outputCount: Int { transformer?.outputCount ?? places.count }

    /// The features that named columns may leave out.
    var optional: Set<Int> { transformer?.features.optional ?? [] }

    /// Whether its features are all of the whole's, in order.
    func isWhole(of count: Int) -> Bool {
        places.count == count && places.indices.allSatisfy { places[$0] == $0 }
    }

    /// The place of the feature, among its own, that an output is made of.
    func origin(ofOutput place: Int) -> Int? {
        transformer.map { $0.origin(ofOutput: place) } ?? place
    }
}

extension [TransformerBranch] {
    /// The branch that makes an output of the whole; the branches are in the order of their outputs.
    func branch(ofOutput place: Int) -> TransformerBranch? {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle].start <= place { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : self[low - 1]
    }
}
