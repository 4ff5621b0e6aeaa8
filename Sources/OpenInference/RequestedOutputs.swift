import Estimators
import Pickle
import PredictionAPI

/// One output that a request asks for.
struct RequestedOutput: Sendable, Equatable {
    /// What it says of each row; the raw value is its name.
    enum Kind: String, Sendable {
        /// The class or the numbers.
        case predict
        /// The probability of each class.
        case probabilities = "predict_proba"
    }

    let kind: Kind
    var contentType = ContentType.np
    /// Whether the elements follow the JSON as bytes; in that form alone.
    var isBinary = false
}

/// The outputs that a request asks for, in its order.
struct RequestedOutputs: Sendable {
    private(set) var list: [RequestedOutput] = []

    /// Whether the classes' probabilities have to be computed.
    var wantProbabilities: Bool { list.contains { $0.kind == .probabilities } }

    /// What is answered if nothing is asked for: MLServer's choice.
    static let standard = RequestedOutputs([RequestedOutput(kind: .predict)])

    init(_ list: [RequestedOutput] = []) {
        self.list = list
    }

    init(
        _ outputs: [Inference_ModelInferRequest.InferRequestedOutputTensor], of model: InferenceModel
    ) throws(InferenceFailure) {
        guard !outputs.isEmpty else {
            self = .standard
            return
        }
        for output in outputs {
            if !output.parameters.isEmpty {
                try UnservedParameter.check(output.parameters.keys, of: Self.subject(output.name))
            }
            let contentType = try output.parameters.contentType(of: Self.subject(output.name))
            try add(output.name, contentType: contentType, of: model)
        }
    }

    /// Adds an output, of which there can be only one by each name: several would multiply the answer.
    mutating func add(
        _ name: String, contentType: ContentType?, isBinary: Bool = false, of model: InferenceModel
    ) throws(InferenceFailure) {
        guard let kind = RequestedOutput.Kind(rawValue: name) else {
            throw .invalidArgument("there is no output \(quoted(name)), only \(model.outputNames)")
        }
        guard kind != .probabilities || model.hasProbabilities else {
            throw .invalidArgument("the model has no output 'predict_proba': it knows no probabilities")
        }
        guard !list.contains(where: { $0.kind == kind }) else {
            throw .invalidArgument("the output \(quoted(name)) is asked for twice")
        }
        if let contentType {
            guard contentType == .np || contentType == .str && kind == .predict && model.predicts == .bytes else {
                throw .invalidArgument(
                    "\(Self.subject(name)): the content_type '\(contentType)' is not one that it has")
            }
        }
        list.append(RequestedOutput(kind: kind, contentType: contentType ?? .np, isBinary: isBinary))
    }

    static func subject(_ name: String) -> String { "output \(quoted(name))" }
}
