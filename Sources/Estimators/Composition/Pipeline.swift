import Pickle

/// scikit-learn's `Pipeline`: transformers, one after the other, and an estimator behind them.
struct Pipeline {
    private let steps: [any Transformer]
    fileprivate let features: Features

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
            guard let pair = estimator.document.tuple(item) ?? estimator.document.list(item), pair.count == 2,
                case .string(let name) = pair[0]
            else {
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
        let pipeline = Pipeline(steps: steps, features: try features(of: steps, last, estimator, &reader))
        switch last {
        case .transformer(let last as any InvertibleTransformer)
        where steps.allSatisfy({ $0 is any InvertibleTransformer }):
            return .transformer(InvertiblePipeline(pipeline: pipeline, last: last))
        case .transformer(let last): return .transformer(TransformerPipeline(pipeline: pipeline, last: last))
        case .classifier(let last): return .classifier(ClassifierPipeline(pipeline: pipeline, last: last))
        case .regressor(let last): return .regressor(RegressorPipeline(pipeline: pipeline, last: last))
        }
    }

    private static let mostSteps = 64

    /// The first step's features. It may pass text through to a step that knows the texts.
    private static func features(
        of steps: [any Transformer], _ last: Estimator, _ estimator: PickledEstimator, _ reader: inout ModelReader
    ) throws(ModelError) -> Features {
        let first = steps[0].features
        var texts = first.texts
        var examples = first.examples
        for (index, step) in (steps.dropFirst().map(\.features) + [last.features]).enumerated() {
            try reader.charge(step.texts.count, for: estimator, "steps")
            for place in step.texts {
                guard let origin = origin(of: place, through: steps[...index]), !texts.contains(origin) else {
                    continue
                }
                texts.insert(origin)
                examples[origin] = step.examples[place]
            }
        }
        return Features(
            count: first.count, names: first.names, unusual: first.unusual, texts: texts, examples: examples,
            optional: first.optional)
    }

    /// The place of the feature that is behind an output of the last of several steps; nil if there are several.
    private static func origin(of place: Int, through steps: ArraySlice<any Transformer>) -> Int? {
        var place = place
        for step in steps.reversed() {
            guard let origin = step.origin(ofOutput: place) else { return nil }
            place = origin
        }
        return place
    }

    fileprivate func origin(ofOutput place: Int) -> Int? { Self.origin(of: place, through: steps[...]) }

    /// Takes a table through every step but the last.
    fileprivate func transform(_ table: Table) throws(FeatureError) -> Table {
        var table = table
        for (index, step) in steps.enumerated() {
            do {
                table = try step.transform(table)
            } catch {
                throw located(error, behind: index)
            }
        }
        return table
    }

    /// The error of the step behind `count` steps, with the feature that the caller knows.
    fileprivate func located(_ error: FeatureError, behind count: Int? = nil) -> FeatureError {
        if count == 0 { return error }
        return error.relocated { feature in
            Self.origin(of: feature.index, through: steps[..<(count ?? steps.count)]).map { features[$0] }
        }
    }

    /// Takes the last of these steps' outputs back to the first's features.
    fileprivate func inverted(_ matrix: Matrix) throws(FeatureError) -> Matrix {
        var matrix = matrix
        for step in steps.reversed() {
            guard let step = step as? any InvertibleTransformer else { preconditionFailure("No way back.") }
            matrix = try step.inverted(matrix)
        }
        return matrix
    }

    fileprivate var nanosecondsPerRow: Int { steps.reduce(0) { $0 + $1.nanosecondsPerRow } }
}

private struct TransformerPipeline: Transformer {
    let pipeline: Pipeline
    let last: any Transformer

    var features: Features { pipeline.features }
    var outputCount: Int { last.outputCount }
    var nanosecondsPerRow: Int { pipeline.nanosecondsPerRow + last.nanosecondsPerRow }

    func transform(_ table: Table) throws(FeatureError) -> Table {
        let table = try pipeline.transform(table)
        do { return try last.transform(table) } catch { throw pipeline.located(error) }
    }

    func origin(ofOutput place: Int) -> Int? { last.origin(ofOutput: place).flatMap(pipeline.origin) }
}

private struct InvertiblePipeline: InvertibleTransformer {
    let pipeline: Pipeline
    let last: any InvertibleTransformer

    var features: Features { pipeline.features }
    var outputCount: Int { last.outputCount }
    var nanosecondsPerRow: Int { pipeline.nanosecondsPerRow + last.nanosecondsPerRow }

    func transform(_ table: Table) throws(FeatureError) -> Table {
        let table = try pipeline.transform(table)
        do { return try last.transform(table) } catch { throw pipeline.located(error) }
    }

    func origin(ofOutput place: Int) -> Int? { last.origin(ofOutput: place).flatMap(pipeline.origin) }

    func inverted(_ matrix: Matrix) throws(FeatureError) -> Matrix {
        try pipeline.inverted(try last.inverted(matrix))
    }
}

private struct ClassifierPipeline: Classifier {
    let pipeline: Pipeline
    let last: any Classifier

    var features: Features { pipeline.features }
    var classes: [ClassLabel] { last.classes }
    var hasProbabilities: Bool { last.hasProbabilities }
    var decisionCount: Int? { last.decisionCount }
    var nanosecondsPerRow: Int { pipeline.nanosecondsPerRow + last.nanosecondsPerRow }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        let table = try pipeline.transform(table)
        do { return try last.classify(table, probabilities: probabilities) } catch { throw pipeline.located(error) }
    }

    func decisions(_ table: Table) throws(FeatureError) -> Matrix {
        let table = try pipeline.transform(table)
        do { return try last.decisions(table) } catch { throw pipeline.located(error) }
    }
}

private struct RegressorPipeline: Regressor {
    let pipeline: Pipeline
    let last: any Regressor

    var features: Features { pipeline.features }
    var target: RegressionTarget { last.target }
    var nanosecondsPerRow: Int { pipeline.nanosecondsPerRow + last.nanosecondsPerRow }

    func predict(_ table: Table) throws(FeatureError) -> Matrix {
        let table = try pipeline.transform(table)
        do { return try last.predict(table) } catch { throw pipeline.located(error) }
    }
}
