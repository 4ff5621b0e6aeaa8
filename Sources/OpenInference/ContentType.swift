import Pickle
import PredictionAPI

/// MLServer's name for how a tensor, or a whole request, is to be understood (its parameter `content_type`).
enum ContentType: String, Sendable {
    /// One tensor with all features.
    case np
    /// A data frame: one tensor for each column.
    case pd
    /// A list of texts.
    case str

    /// MLServer's parameter.
    static let parameter = "content_type"

    /// - Parameter subject: whose content type it is, for the message.
    init(_ name: String, of subject: @autoclosure () -> String) throws(InferenceFailure) {
        guard let known = ContentType(rawValue: name) else {
            throw .invalidArgument("\(subject()): the content_type \(quoted(name)) is none of 'np', 'pd' and 'str'")
        }
        self = known
    }
}

extension [String: Inference_InferParameter] {
    /// The content type among the parameters, if there is one.
    func contentType(of subject: @autoclosure () -> String) throws(InferenceFailure) -> ContentType? {
        guard !isEmpty, let parameter = self[ContentType.parameter] else { return nil }
        guard case .stringParam(let name) = parameter.parameterChoice else {
            throw .invalidArgument("\(subject()): the parameter 'content_type' is not a string")
        }
        return try ContentType(name, of: subject())
    }
}

/// Parameters that ask for what is not done here. To ignore them would give another answer than the one asked for; any
/// other parameter that isn't known is ignored.
enum UnservedParameter {
    private static let reasons: [String: String] = [
        "classification": "classes instead of tensors are not served",
        "shared_memory_region": "shared memory is not served",
    ]

    /// - Throws: if one of the parameters is such a one.
    static func check(_ names: some Sequence<String>, of subject: @autoclosure () -> String) throws(InferenceFailure) {
        for name in names {
            guard let reason = reasons[name] else { continue }
            throw .invalidArgument("\(subject()): the parameter '\(name)': \(reason)")
        }
    }
}
