import Estimators
import Inference

/// Why a request isn't answered. The message is for the caller.
package enum InferenceFailure: Error, Sendable, Equatable {
    /// The request is not one that the model takes; the message names the tensor, row or column and the reason.
    case invalidArgument(String)
    /// There is no model by that name or version.
    case notFound(String)
    /// The models are not loaded yet.
    case unavailable(String)

    package var message: String {
        switch self {
        case .invalidArgument(let message), .notFound(let message), .unavailable(let message): message
        }
    }

    /// The status of HTTP that means the same.
    package var httpStatus: Int {
        switch self {
        case .invalidArgument: 400
        case .notFound: 404
        case .unavailable: 503
        }
    }
}

extension InferenceFailure {
    static let loading = InferenceFailure.unavailable("the model is still being loaded")

    init(_ error: ModelRepository.LookupError) {
        self = .notFound(error.description)
    }

    init(_ error: RequestError) {
        self = .invalidArgument(error.description)
    }

    init(_ error: FeatureError) {
        self = .invalidArgument(error.description)
    }
}
