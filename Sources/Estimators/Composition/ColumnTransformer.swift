import Pickle

/// scikit-learn's `ColumnTransformer`: transformers side by side, each for columns of its own.
struct ColumnTransformer: Transformer {
    private let branches: [TransformerBranch]

    let features: Features
    let outputCount: Int
    let nanosecondsPerRow: Int

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        guard let count = try estimator.featureCount(), count < Self.mostFeatures else {
            throw estimator.disagreement(about: "n_features_in_, which is missing")
        }
        let names = try estimator.columnNames(count: count)
        let chosen = try Self.chosenPlaces(estimator, count: count, &reader)
        var branches = TransformerBranches(estimator)
        for item in try estimator.items("transformers_", atMost: TransformerBranches.most) {
            guard let parts = estimator.document.tuple(item) ?? estimator.document.list(item), parts.count == 3,
                case .string(let name) = parts[0]
            else {
                throw estimator.unusable("transformers_", item, expected: "a name, a transformer and columns")
            }
            if parts[1] == .string("drop") { continue }
            let places: [Int]
            if let chosen {
                guard let known = chosen[name] else {
                    throw estimator.unusable(
                        "_transformer_to_input_indices", parts[0], expected: "the columns of each transformer")
                }
                places = known
            } else {
                places = try ColumnChoice(names: names, count: count).places(parts[2], estimator)
                try reader.charge(places.count, for: estimator, "transformers_")
            }
            // A transformer without columns was never fitted.
            if places.isEmpty { continue }
            try branches.add(name: name, parts[1], places: places, with: &reader)
        }
        outputCount = try branches.outputCount("transformers_")
        self.branches = branches.all
        nanosecondsPerRow = branches.nanosecondsPerRow
        let used = Set(branches.all.flatMap(\.places))
        try reader.charge(count - used.count, for: estimator, "n_features_in_")
        features = Features(
            count: count, names: names, unusual: .any, texts: branches.texts, examples: branches.examples,
            optional: used.count == count ? [] : Set((0..<count).filter { !used.contains($0) }))
    }

    private static let mostFeatures = 1 << 20

    /// The places of each transformer's columns, however they were chosen: by name, place, slice, mask or function.
    ///
    /// - Returns: nil before scikit-learn 1.0, which stored how they were chosen alone.
    private static func chosenPlaces(
        _ estimator: PickledEstimator, count: Int, _ reader: inout ModelReader
    ) throws(ModelError) -> [String: [Int]]? {
        let attribute = "_transformer_to_input_indices"
        if estimator.optional(attribute) == nil { return nil }
        var chosen: [String: [Int]] = [:]
        for member in try estimator.members(attribute) {
            guard case .string(let name) = member.key else {
                throw estimator.unusable(attribute, member.key, expected: "a transformer's name")
            }
            let places = try estimator.places(member.value, below: count, of: attribute)
            try reader.charge(places.count, for: estimator, attribute)
            chosen[name] = places
        }
        return chosen
    }

    func transform(_ table: Table) throws(FeatureError) -> Table {
        var output = TableAssembly(rows: table.rows, columns: outputCount)
        switch table.content {
        case .matrix(let matrix):
            guard matrix.columns == features.count else {
                throw .row(0, .count(found: matrix.columns, expected: features.count))
            }
            for branch in branches {
                let input = branch.isWhole(of: matrix.columns) ? table : Table(matrix.choosing(branch.places))
                try output.add(try made(by: branch, of: input), branch)
            }
        case .columns:
            let columns = try table.columns(for: features)
            for branch in branches {
                let input = Table(columns: branch.places.map { columns[$0] })
                try output.add(try made(by: branch, of: input), branch)
            }
        }
        return output.table
    }

    private func made(by branch: TransformerBranch, of input: Table) throws(FeatureError) -> Table {
        guard let transformer = branch.transformer else { return input }
        do {
            return try transformer.transform(input)
        } catch {
            // The branch counts its own columns.
            throw error.relocated { branch.places.indices.contains($0.index) ? features[branch.places[$0.index]] : $0 }
        }
    }

    func origin(ofOutput place: Int) -> Int? {
        guard let branch = branches.branch(ofOutput: place) else { return nil }
        return branch.origin(ofOutput: place - branch.start).map { branch.places[$0] }
    }
}
