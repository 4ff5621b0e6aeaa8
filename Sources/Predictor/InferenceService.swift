import GRPCServer
import Ground
import Inference
import OpenInference
import PredictionAPI
import SwiftProtobuf

/// `inference.GRPCInferenceService`: the Open Inference Protocol, with Triton's `ModelStreamInfer`.
struct InferenceService: Sendable {
    let state: ServingState
    let models: LoadedModels

    static let name = "inference.GRPCInferenceService"

    var methods: [Method] {
        [
            Method("\(Self.name)/ModelInfer", unary: { _, message in modelInfer(message) }),
            Method("\(Self.name)/ModelStreamInfer", streaming: { _ in InferenceStream(models: models) }),
            Method("\(Self.name)/ServerLive", unary: { _, _ in .encoding(OpenInference(state).serverLive()) }),
            Method("\(Self.name)/ServerReady", unary: { _, _ in .encoding(OpenInference(state).serverReady()) }),
            Method("\(Self.name)/ServerMetadata", unary: { _, _ in .encoding(OpenInference(state).serverMetadata()) }),
            Method("\(Self.name)/ModelReady", unary: { _, message in modelReady(message) }),
            Method("\(Self.name)/ModelMetadata", unary: { _, message in modelMetadata(message) }),
        ]
    }

    private func modelInfer(_ message: [UInt8]) -> UnaryOutcome {
        guard let content = models.content else { return .failure(.loading) }
        return .workingOut(isLong: content.isLong(message.count)) { () throws(InferenceFailure) in
            try content.inference.modelInfer(serialized: message)
        }
    }

    private func modelReady(_ message: [UInt8]) -> UnaryOutcome {
        .decoding(Inference_ModelReadyRequest.self, message) { request in
            do throws(InferenceFailure) {
                return .encoding(try OpenInference(state).modelReady(request))
            } catch {
                return .failure(RPCStatus(error))
            }
        }
    }

    private func modelMetadata(_ message: [UInt8]) -> UnaryOutcome {
        .decoding(Inference_ModelMetadataRequest.self, message) { request in
            do throws(InferenceFailure) {
                return .encoding(try OpenInference(state).modelMetadata(request))
            } catch {
                return .failure(RPCStatus(error))
            }
        }
    }
}

/// One call of `ModelStreamInfer`: the n-th response answers the n-th request, a failed one with its error.
private final class InferenceStream: StreamHandler {
    private let models: LoadedModels

    init(models: LoadedModels) {
        self.models = models
    }

    func received(_ message: [UInt8], _ call: ServerCall) {
        guard let content = models.content else { return call.finish(.loading) }
        call.answer(isLong: content.isLong(message.count), holding: message.count) { () throws(InferenceFailure) in
            try content.inference.modelStreamInfer(serialized: message)
        }
    }

    func roomWasMade(_ call: ServerCall) { call.resumeReading() }

    func requestEnded(_ call: ServerCall) { call.finish() }
}
