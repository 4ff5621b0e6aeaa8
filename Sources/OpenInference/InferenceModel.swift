import Estimators
import Inference

/// One version of a model, with what can be prepared of its answers.
final class InferenceModel: Sendable {
    /// The classes' labels, each in the type of the tensor that they are answered in.
    private enum Labels {
        case integers([Int64])
        case doubles([Double])
        case booleans([Bool])
        case texts([String])
    }

    /// The name that requests call it by.
    let name: String
    let served: ServedModel
    /// The datatype of the output `predict`.
    let predicts: Datatype
    /// The number of columns of the output `predict`.
    let width: Int
    let hasProbabilities: Bool
    private let labels: Labels

    init(_ served: ServedModel, name: String) {
        self.served = served
        self.name = name
        switch served.model.task {
        case .classification(let classes, let hasProbabilities):
            labels = Self.labels(classes)
            width = 1
            self.hasProbabilities = hasProbabilities
            predicts =
                switch labels {
                case .integers: .int64
                case .doubles: .fp64
                case .booleans: .bool
                case .texts: .bytes
                }
        case .regression(let target):
            labels = .doubles([])
            width = target.count
            hasProbabilities = false
            predicts = .fp64
        }
    }

    /// The labels as numpy has them in an array: of one type, or all as text.
    private static func labels(_ classes: [ClassLabel]) -> Labels {
        let integers = classes.compactMap { if case .integer(let label) = $0 { Int64(label) } else { nil } }
        if integers.count == classes.count { return .integers(integers) }
        let doubles = classes.compactMap { if case .float(let label) = $0 { label } else { nil } }
        if doubles.count == classes.count { return .doubles(doubles) }
        let booleans = classes.compactMap { if case .boolean(let label) = $0 { label } else { nil } }
        if booleans.count == classes.count { return .booleans(booleans) }
        return .texts(classes.map(\.description))
    }

    /// The names of the outputs, for messages.
    var outputNames: String { hasProbabilities ? "'predict' and 'predict_proba'" : "'predict'" }

    /// Predicts every row.
    func answer(_ input: InputTable, probabilities: Bool) throws(InferenceFailure) -> Model.Answer {
        do throws(FeatureError) {
            return try served.model.predict(input.table, probabilities: probabilities)
        } catch {
            throw input.failure(error)
        }
    }

    /// One output of an answer.
    func tensor(_ output: RequestedOutput, _ answer: Model.Answer) -> OutputTensor {
        switch (output.kind, answer) {
        case (.predict, .classification(let classification)):
            let values: OutputTensor.Values =
                switch labels {
                case .integers(let labels): .integers(classification.classIndices.map { labels[$0] })
                case .doubles(let labels): .doubles(classification.classIndices.map { labels[$0] })
                case .booleans(let labels): .booleans(classification.classIndices.map { labels[$0] })
                case .texts(let labels): .texts(classification.classIndices.map { labels[$0] })
                }
            return OutputTensor(output, rows: classification.classIndices.count, columns: 1, values: values)
        case (.probabilities, .classification(let classification)):
            // Nobody can ask for them of a model that has none.
            let probabilities = classification.probabilities ?? Matrix(rows: 0, columns: 0)
            return OutputTensor(output, probabilities)
        case (_, .regression(let numbers)):
            return OutputTensor(output, numbers)
        }
    }
}
