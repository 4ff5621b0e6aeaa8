import Pickle

/// scikit-learn's `FeatureUnion`: the outputs of several transformers of the same features, side by side.
struct FeatureUnion: Transformer {
    private let branches: [TransformerBranch]

    let features: Features
    let outputCount: Int
    let nanosecondsPerRow: Int

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        var branches = TransformerBranches(estimator)
        var first: Features?
        for item in try estimator.items("transformer_list", atMost: TransformerBranches.most) {
            guard let parts = estimator.document.tuple(item) ?? estimator.document.list(item), parts.count == 2,
                case .string(let name) = parts[0]
            else {
                throw estimator.unusable("transformer_list", item, expected: "a name and a transformer")
            }
            if parts[1] == .string("drop") || parts[1] == .none { continue }
            let features = try branches.add(name: name, parts[1], places: nil, with: &reader)
            first = first ?? features
        }
        guard let first else {
            throw estimator.unusable(
                "transformer_list", try estimator.required("transformer_list"), expected: "a transformer")
        }
        for branch in branches.all where branch.transformer.map({ $0.features.count != first.count }) ?? false {
            throw estimator.disagreement(about: "this union's transformers")
        }
        let count = first.count
        try reader.charge(count, for: estimator, "transformer_list")
        branches.spread(over: count)
        outputCount = try branches.outputCount("transformer_list")
        self.branches = branches.all
        nanosecondsPerRow = branches.nanosecondsPerRow
        features = Features(
            count: count, names: first.names, unusual: .any, texts: branches.texts, examples: branches.examples,
            optional: branches.all.dropFirst().reduce(first.optional) { $0.intersection($1.optional) })
    }

    func transform(_ table: Table) throws(FeatureError) -> Table {
        var output = TableAssembly(rows: table.rows, columns: outputCount)
        for branch in branches {
            let made: Table
            if let transformer = branch.transformer {
                made = try transformer.transform(table)
            } else if case .columns = table.content {
                made = Table(columns: try table.columns(for: features))
            } else {
                made = table
            }
            try output.add(made, branch)
        }
        return output.table
    }

    func origin(ofOutput place: Int) -> Int? {
        guard let branch = branches.branch(ofOutput: place) else { return nil }
        return branch.origin(ofOutput: place - branch.start)
    }
}
