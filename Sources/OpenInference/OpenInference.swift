import Estimators
import Inference

/// The Open Inference Protocol, version 2, in its forms for gRPC and for REST: from a request to a response, without a
/// connection between.
///
/// Outputs have the names, shapes and datatypes that MLServer's scikit-learn runtime gives them. A value that never
/// changes: any number of threads may ask it at once.
///
/// - [Protocol](https://github.com/kserve/open-inference-protocol)
/// - [Binary tensor data](https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md)
package struct OpenInference: Sendable {
    /// What a process can answer with.
    package enum State: Sendable {
        /// The models are not loaded yet.
        case loading
        case serving(ModelRepository)
        /// The process is about to end: it finishes its calls and should get no new ones.
        case stopping(ModelRepository?)
    }

    /// What the server tells of itself.
    package struct Server: Sendable, Equatable {
        package var name: String
        package var version: String

        package init(name: String = "sluice", version: String) {
            self.name = name
            self.version = version
        }

        static let extensions = ["binary_tensor_data", "parameters"]
    }

    /// A model's versions, from the earliest to the latest.
    struct Versions: Sendable {
        let entry: ModelRepository.Entry
        let models: [InferenceModel]

        init(_ entry: ModelRepository.Entry) {
            self.entry = entry
            models = entry.versions.map { InferenceModel($0, name: entry.name) }
        }
    }

    let server: Server
    private let largestAnswer: Int
    /// Whether new calls are welcome.
    let isReady: Bool
    private let repository: ModelRepository?
    private let models: [String: Versions]
    /// How many inputs and outputs a request may have, and parts in all: what the widest model needs, and room for parameters.
    let mostTensors: Int
    let mostParts: Int

    /// - Parameter largestAnswer: how many bytes the elements of an answer may have. A row of one byte may be answered by
    ///   thousands of classes' probabilities, so that a request's size alone bounds nothing.
    package init(_ state: State, server: Server, largestAnswer: Int = 64 << 20) {
        self.server = server
        self.largestAnswer = largestAnswer
        switch state {
        case .loading: (repository, isReady) = (nil, false)
        case .serving(let loaded): (repository, isReady) = (loaded, true)
        case .stopping(let loaded): (repository, isReady) = (loaded, false)
        }
        var models: [String: Versions] = [:]
        for entry in repository?.entries ?? [] { models[entry.name] = Versions(entry) }
        self.models = models
        let widest = repository?.entries.flatMap(\.versions).map(\.model.features.count).max() ?? 0
        mostTensors = 64 + widest
        mostParts = 1024 + 16 * mostTensors
    }

    /// Predicts every row.
    func answer(
        _ input: InputTable, of model: InferenceModel, probabilities: Bool
    ) throws(InferenceFailure) -> Model.Answer {
        let largestRowCount = max(1, largestAnswer / (8 * max(model.width, model.served.labels.count)))
        guard input.table.rows <= largestRowCount else {
            throw .invalidArgument(
                "\(input.table.rows) rows are too many for one answer of this model; it takes up to \(largestRowCount)")
        }
        return try model.answer(input, probabilities: probabilities)
    }

    /// Every version of a model.
    func versions(_ name: String) throws(InferenceFailure) -> Versions {
        if let versions = models[name] { return versions }
        guard let repository else { throw .loading }
        throw InferenceFailure(.noModel(name, known: repository.entries.map(\.name)))
    }

    /// One version of a model.
    ///
    /// - Parameter version: empty for the latest.
    func model(_ name: String, version: String) throws(InferenceFailure) -> InferenceModel {
        let versions = try versions(name)
        if version.isEmpty { return versions.models[versions.models.count - 1] }
        guard let model = versions.models.last(where: { $0.served.version == version }) else {
            throw InferenceFailure(.noVersion(version, of: name, known: versions.entry.versions.map(\.version)))
        }
        return model
    }
}
