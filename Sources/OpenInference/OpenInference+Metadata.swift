import Estimators
import Inference
import PredictionAPI
import SwiftProtobuf

extension OpenInference {
    /// Whether the process answers at all.
    package func serverLive() -> Inference_ServerLiveResponse {
        .with { $0.live = true }
    }

    /// Whether every model is loaded, and new calls are welcome.
    package func serverReady() -> Inference_ServerReadyResponse {
        .with { $0.ready = isReady }
    }

    package func serverMetadata() -> Inference_ServerMetadataResponse {
        .with {
            $0.name = server.name
            $0.version = server.version
            $0.extensions = Server.extensions
        }
    }

    /// Whether a model is loaded, and new calls are welcome.
    ///
    /// - Throws: if there is no model by that name or version.
    package func modelReady(
        _ request: Inference_ModelReadyRequest
    ) throws(InferenceFailure) -> Inference_ModelReadyResponse {
        let isReady = try isReady(request.name, version: request.version)
        return .with { $0.ready = isReady }
    }

    func isReady(_ name: String, version: String) throws(InferenceFailure) -> Bool {
        do throws(InferenceFailure) {
            _ = try model(name, version: version)
        } catch .unavailable {
            return false
        }
        return isReady
    }

    /// Describes a model's inputs and outputs.
    package func modelMetadata(
        _ request: Inference_ModelMetadataRequest
    ) throws(InferenceFailure) -> Inference_ModelMetadataResponse {
        let model = try model(request.name, version: request.version)
        var response = Inference_ModelMetadataResponse()
        response.name = model.name
        response.versions = try versions(request.name).entry.versions.map(\.version)
        response.platform = Self.platform
        response.inputs = model.inputs.map(\.message)
        response.outputs = model.outputs.map(\.message)
        return response
    }

    static let platform = "sklearn"
}

/// What a tensor looks like, before there is one.
struct TensorDescription: Sendable, Equatable {
    let name: String
    let datatype: Datatype
    /// The number of columns; the number of rows is free.
    let columns: Int

    fileprivate var message: Inference_ModelMetadataResponse.TensorMetadata {
        .with {
            $0.name = name
            $0.datatype = datatype.rawValue
            $0.shape = [-1, Int64(columns)]
        }
    }
}

extension InferenceModel {
    /// The inputs: a tensor for each feature if the features have names or differ in kind; else one with all of them.
    var inputs: [TensorDescription] {
        let features = served.model.features
        if features.names == nil, features.texts.isEmpty || features.texts.count == features.count {
            return [
                TensorDescription(
                    name: Self.inputPrefix + "0", datatype: features.texts.isEmpty ? .fp64 : .bytes,
                    columns: features.count)
            ]
        }
        return (0..<features.count).map { index in
            TensorDescription(
                name: features.names?[index] ?? Self.inputPrefix + "\(index)",
                datatype: features.texts.contains(index) ? .bytes : .fp64, columns: 1)
        }
    }

    /// What MLServer's codecs call a tensor without a name; a caller may call it otherwise.
    private static let inputPrefix = "input-"

    var outputs: [TensorDescription] {
        var outputs = [
            TensorDescription(name: RequestedOutput.Kind.predict.rawValue, datatype: predicts, columns: width)
        ]
        if hasProbabilities {
            outputs.append(
                TensorDescription(
                    name: RequestedOutput.Kind.probabilities.rawValue, datatype: .fp64, columns: served.labels.count))
        }
        return outputs
    }
}
