import Estimators
import FoundationEssentials
import Inference
import PredictionAPI
import SwiftProtobuf

extension OpenInference {
    /// Predicts every row of a request.
    ///
    /// The answer has raw contents exactly if the request had; tritonclient reads no others.
    package func modelInfer(
        _ request: Inference_ModelInferRequest
    ) throws(InferenceFailure) -> Inference_ModelInferResponse {
        let outcome = try infer(request)
        var response = Inference_ModelInferResponse()
        response.modelName = outcome.model.name
        response.modelVersion = outcome.model.served.version
        response.id = request.id
        response.outputs = outcome.outputs.map { $0.message(withContents: !outcome.isRaw) }
        if outcome.isRaw { response.rawOutputContents = outcome.outputs.map(\.rawContents) }
        return response
    }

    /// The same from message to message as they are sent, which spares the making of the response's parts.
    ///
    /// - Throws: also if the bytes are no message of a request.
    package func modelInfer(serialized bytes: [UInt8]) throws(InferenceFailure) -> [UInt8] {
        let request = try decoded(bytes)
        return ResponseBytes.write(try infer(request), id: request.id)
    }

    /// - Throws: `InferenceFailure` for what is no request, and for one of more parts than any model has inputs for.
    private func decoded(_ bytes: [UInt8]) throws(InferenceFailure) -> Inference_ModelInferRequest {
        guard MessageParts.areFew(in: bytes, most: mostParts) else {
            throw .invalidArgument(
                "the request has more than \(mostParts) inputs, outputs, parameters and fields of these")
        }
        do {
            return try Inference_ModelInferRequest(serializedBytes: bytes)
        } catch {
            throw .invalidArgument("the request is not a message of the type inference.ModelInferRequest")
        }
    }

    /// What a request is answered with, in no form yet.
    struct Outcome {
        let model: InferenceModel
        let outputs: [OutputTensor]
        /// Whether the contents are to be raw.
        let isRaw: Bool
    }

    private func infer(_ request: Inference_ModelInferRequest) throws(InferenceFailure) -> Outcome {
        let model = try model(request.modelName, version: request.modelVersion)
        let contentType = try request.parameters.contentType(of: "the request")
        let requested = try RequestedOutputs(request.outputs, of: model)
        let inputs = try MessageInputs(request)
        let input = try InputTable(inputs, contentType: contentType, features: model.served.model.features)
        let answer = try answer(input, of: model, probabilities: requested.wantProbabilities)
        return Outcome(
            model: model, outputs: requested.list.map { model.tensor($0, answer) }, isRaw: inputs.areRaw)
    }

    /// Answers one message of a stream, serialized as it came, with a serialized one.
    ///
    /// - Throws: `InferenceFailure` for what is no request.
    package func modelStreamInfer(serialized bytes: [UInt8]) throws(InferenceFailure) -> [UInt8] {
        let response = modelStreamInfer(try decoded(bytes))
        // Only a message of over 2 GiB has none, which `largestAnswer` rules out.
        return (try? response.serializedBytes()) ?? []
    }

    /// Answers one message of a stream. A request that fails is answered too: with the error, and with what tells to which
    /// request it belongs, as Triton has it.
    package func modelStreamInfer(_ request: Inference_ModelInferRequest) -> Inference_ModelStreamInferResponse {
        var response = Inference_ModelStreamInferResponse()
        do throws(InferenceFailure) {
            response.inferResponse = try modelInfer(request)
        } catch {
            response.errorMessage = error.message
            response.inferResponse.modelName = request.modelName
            response.inferResponse.modelVersion = request.modelVersion
            response.inferResponse.id = request.id
        }
        // Each request has one response, which Triton marks as the last.
        response.inferResponse.parameters["triton_final_response"] = .with { $0.boolParam = true }
        return response
    }
}

/// The inputs of a message.
struct MessageInputs: InputTensors {
    private let request: Inference_ModelInferRequest

    /// Whether the elements are in the request's raw contents.
    let areRaw: Bool

    init(_ request: Inference_ModelInferRequest) throws(InferenceFailure) {
        self.request = request
        areRaw = !request.rawInputContents.isEmpty
        guard areRaw else { return }
        guard request.rawInputContents.count == request.inputs.count else {
            throw .invalidArgument(
                "\(request.rawInputContents.count) raw_input_contents, but \(request.inputs.count) inputs")
        }
    }

    var count: Int { request.inputs.count }

    func head(_ index: Int, form: InputForm) throws(InferenceFailure) -> TensorHead {
        let tensor = request.inputs[index]
        return try TensorHead(name: tensor.name, datatype: tensor.datatype, shape: tensor.shape, form: form)
    }

    func contentType(_ index: Int) throws(InferenceFailure) -> ContentType? {
        let parameters = request.inputs[index].parameters
        if parameters.isEmpty { return nil }
        try UnservedParameter.check(parameters.keys, of: "input \(index)")
        return try parameters.contentType(of: "input \(index)")
    }

    func values(_ index: Int, _ head: TensorHead) throws(InferenceFailure) -> Column.Values {
        guard areRaw else { return try TypedContents.values(request.inputs[index].contents, head) }
        guard !request.inputs[index].hasContents || TypedContents.count(request.inputs[index].contents) == 0 else {
            throw head.failure("it has contents, but the request has raw_input_contents")
        }
        return try RawContents.values(request.rawInputContents[index].bytes, head)
    }
}

extension OutputTensor {
    /// The tensor as a part of a response.
    func message(withContents: Bool) -> Inference_ModelInferResponse.InferOutputTensor {
        var message = Inference_ModelInferResponse.InferOutputTensor()
        message.name = name
        message.datatype = datatype.rawValue
        message.shape = [Int64(rows), Int64(columns)]
        message.parameters = Self.parameters[request.contentType] ?? [:]
        guard withContents else { return message }
        switch values {
        case .integers(let integers): message.contents.int64Contents = integers
        case .doubles(let doubles): message.contents.fp64Contents = doubles
        case .booleans(let booleans): message.contents.boolContents = booleans
        case .texts(let texts): message.contents.bytesContents = texts.map { Data($0.utf8) }
        }
        return message
    }

    private static let parameters: [ContentType: [String: Inference_InferParameter]] = {
        var all: [ContentType: [String: Inference_InferParameter]] = [:]
        for type in [ContentType.np, .str] {
            all[type] = [ContentType.parameter: .with { $0.stringParam = type.rawValue }]
        }
        return all
    }()

    fileprivate var rawContents: Data {
        unsafe withRawContents { unsafe Data($0) }
    }
}
