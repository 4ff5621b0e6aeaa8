import Pickle

/// scikit-learn's `Pipeline`: transformers, one after the other, and an estimator behind them.
struct Pipeline {
    private let steps: [any Transformer]
    private let last: Estimator

    /// Reads a fitted pipeline: a classifier, regressor or transformer like its last step.
    static func read(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) -> Estimator {
        let value = try estimator.required("steps")
        guard let items = estimator.document.list(value), items.count <= mostSteps else {
            throw estimator.unusable("steps", value, expected: "a list of at most \(mostSteps) steps")
        }
        var steps: [any Transformer] = []
        var last: Estimator?
        var width: Int?
        for item in items {
            guard let pair = estimator.document.tuple(item), pair.count == 2, case .string(let name) = pair[0] else {
                throw estimator.unusable("steps", item, expected: "a pair of name and estimator")
            }
            if pair[1] == .none || pair[1] == .string("passthrough") { continue }
            switch last {
            case nil: break
            case .transformer(let transformer): steps.append(transformer)
            case .classifier, .regressor:
                throw estimator.unusable("steps", item, expected: "no step behind the one that predicts")
            }
            let step = try reader.estimator(pair[1], part: "Pipeline step \(quoted(name))")
            if let width, width != step.features.count {
                throw estimator.disagreement(about: "this pipeline's steps")
            }
            if case .transformer(let transformer) = step { width = transformer.outputCount }
            last = step
        }
        guard let last else { throw estimator.unusable("steps", value, expected: "a step that does something") }
        if steps.isEmpty { return last }
        let pipeline = Pipeline(steps: steps, last: last)
        switch last {
        case .transformer(let last): return .transformer(TransformerPipeline(pipeline: pipeline, last: last))
        case .classifier(let last): return .classifier(ClassifierPipeline(pipeline: pipeline, last: last))
        case .regressor(let last): return .regressor(RegressorPipeline(pipeline: pipeline, last: last))
        }
    }

    private static let mostSteps = 64

    /// Takes a table through every step but the last.
    fileprivate func transform(_ table: Table) throws(FeatureError) -> Table {
        var table = table
        for step in steps { table = try step.transform(table) }
        return table
    }

    fileprivate var features: Features { steps[0].features }

    fileprivate var nanosecondsPerRow: Int { steps.reduce(0) { $0 + $1.nanosecondsPerRow } }
}

private struct TransformerPipeline: Transformer {
    let pipeline: Pipeline
    let last: any Transformer

    var features: Features { pipeline.features }
    var outputCount: Int { last.outputCount }
    var nanosecondsPerRow: Int { pipeline.nanosecondsPerRow + last.nanosecondsPerRow }

    func transform(_ table: Table) throws(FeatureError) -> Table {
        try last.transform(try pipeline.transform(table))
    }
}

private struct ClassifierPipeline: Classifier {
    let pipeline: Pipeline
    let last: any Classifier

    var features: Features { pipeline.features }
    var classes: [ClassLabel] { last.classes }
    var hasProbabilities: Bool { last.hasProbabilities }
    var nanosecondsPerRow: Int { pipeline.nanosecondsPerRow + last.nanosecondsPerRow }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        try last.classify(try pipeline.transform(table), probabilities: probabilities)
    }
}

private struct RegressorPipeline: Regressor {
    let pipeline: Pipeline
    let last: any Regressor

    var features: Features { pipeline.features }
    var target: RegressionTarget { last.target }
    var nanosecondsPerRow: Int { pipeline.nanosecondsPerRow + last.nanosecondsPerRow }

    func predict(_ table: Table) throws(FeatureError) -> Matrix {
        try last.predict(try pipeline.transform(table))
    }
}
