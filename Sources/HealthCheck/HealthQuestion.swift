import Asking
import Ground
import HealthAPI
import SwiftProtobuf

/// A unary gRPC call that asks for health, and the judgement of its answer.
package enum HealthQuestion {
    /// `grpc.health.v1.Health/Check`.
    case check(service: String)
    case call(HealthCall)

    var path: String {
        switch self {
        case .check: "/grpc.health.v1.Health/Check"
        case .call(let call): call.path
        }
    }

    /// The request's message, without gRPC's header.
    var message: [UInt8] {
        switch self {
        case .check(let service): Self.message(service: service)
        case .call(let call): call.message
        }
    }

    /// Whether the answer's message counts, or its status alone.
    var readsMessage: Bool {
        switch self {
        case .check: true
        case .call(let call): call.verdict != nil
        }
    }

    /// The most bytes of an answer's message: it takes 2, and more than this isn't one.
    package static let largestAnswer = 4096

    /// The message of `Check` and `Watch`.
    static func message(service: String) -> [UInt8] {
        var message = Grpc_Health_V1_HealthCheckRequest()
        message.service = service
        // Serializing fails for lack of a required field or a text of gigabytes alone, and there is neither.
        return (try? message.serializedBytes()) ?? []
    }

    /// Judges an answer whose status is OK.
    ///
    /// - Parameter answer: its message; `nil` if it has none.
    func judge(_ answer: [UInt8]?) -> HealthCheckResult.Outcome {
        guard readsMessage else { return .healthy }
        guard let answer else { return .requestFailed(reason: "the response has no message that can be read") }
        switch self {
        case .check: return Self.outcome(ofStatus: answer)
        case .call(let call):
            let name = call.verdict ?? ""
            switch ProtobufText.bool(1, of: answer) {
            case true?: return .healthy
            case false?: return .unhealthy(reason: "\(name) is false")
            case nil: return .requestFailed(reason: "the response can't be read: it is no protobuf message")
            }
        }
    }

    /// Judges a `HealthCheckResponse`.
    static func outcome(ofStatus message: [UInt8]) -> HealthCheckResult.Outcome {
        do {
            let status = try Grpc_Health_V1_HealthCheckResponse(serializedBytes: message).status
            return status == .serving ? .healthy : .unhealthy(reason: name(of: status))
        } catch {
            return .requestFailed(reason: "the response can't be read: \(error)")
        }
    }

    /// The outcome of a call that ended with another status than OK.
    static func outcome(ofError status: Int, _ message: String?) -> HealthCheckResult.Outcome {
        .requestFailed(reason: UnaryCall.Answer.refused(status: status, message: message).failure ?? "")
    }

    private static func name(of status: Grpc_Health_V1_HealthCheckResponse.ServingStatus) -> String {
        switch status {
        case .unknown: "UNKNOWN"
        case .serving: "SERVING"
        case .notServing: "NOT_SERVING"
        case .serviceUnknown: "SERVICE_UNKNOWN"
        case .UNRECOGNIZED(let number): String(number)
        }
    }
}

extension CallSession {
    /// Asks a question; `answer` is called once, from within `receive(_:)`.
    ///
    /// - Parameter answer: gets the outcome, and the gRPC status if there is one.
    @discardableResult
    func ask(
        _ question: HealthQuestion, answer: @escaping (HealthCheckResult.Outcome, _ status: Int?) -> Void
    ) throws -> Int32 {
        var message: [UInt8]?
        return try call(
            question.path, message: question.message,
            largestAnswer: question.readsMessage ? HealthQuestion.largestAnswer : nil
        ) { event in
            switch event {
            case .message(let bytes): if message == nil { message = bytes }
            case .ended(0, _): answer(question.judge(message), 0)
            case .ended(let status, let text): answer(HealthQuestion.outcome(ofError: status, text), status)
            case .failed(let reason): answer(.requestFailed(reason: reason), nil)
            }
        }
    }
}
