import GRPCServer
import Ground
import SwiftProtobuf

/// One call that answers requests by streams of payloads, in order. A client that doesn't read them has no more of its
/// requests read.
///
/// `@unchecked Sendable`: only the call's own thread touches it; pauses come back there by the call's handle.
final class PayloadStream: StreamHandler, @unchecked Sendable {
    /// When requests are answered.
    enum Kind {
        /// There is one.
        case ofOneRequest
        case whileRequestsCome
        case afterAllRequests
    }

    private enum Step {
        case payload(Grpc_Testing_Payload, after: Duration, compressed: Bool?)
        case end(RPCStatus)
    }

    private let kind: Kind
    private var steps: [Step] = []
    private var done = 0
    private var requests = 0
    private var isPausing = false
    private var hasEnded = false

    init(_ call: ServerCall, _ kind: Kind) {
        self.kind = kind
        call.echoMetadata()
        // The metadata doesn't wait for a first payload.
        call.sendHead(mayCompress: true)
    }

    func received(_ message: [UInt8], _ call: ServerCall) {
        guard let request = try? Grpc_Testing_StreamingOutputCallRequest(serializedBytes: message) else {
            return call.finish(.notARequest)
        }
        requests += 1
        if kind == .ofOneRequest, requests > 1 { return call.finish(.notARequest) }
        steps += request.responseParameters.map { parameters in
            guard let payload = Grpc_Testing_Payload(request.responseType, size: parameters.size) else {
                return .end(.noSuchPayload)
            }
            return .payload(
                payload, after: .microseconds(max(0, parameters.intervalUs)),
                compressed: parameters.hasCompressed ? parameters.compressed.value : nil)
        }
        if request.hasResponseStatus { steps.append(.end(RPCStatus(request.responseStatus))) }
        guard kind != .afterAllRequests else { return }
        goOn(call)
        if !call.isFinished, !isIdle || !call.hasRoom { call.pauseReading() }
    }

    func requestEnded(_ call: ServerCall) {
        hasEnded = true
        if kind == .ofOneRequest, requests == 0 { return call.finish(.notARequest) }
        goOn(call)
    }

    func roomWasMade(_ call: ServerCall) {
        if kind != .afterAllRequests || hasEnded { goOn(call) }
    }

    private var isIdle: Bool { done == steps.count && !isPausing }

    private func goOn(_ call: ServerCall) {
        while !isPausing, call.hasRoom, done < steps.count {
            let step = steps[done]
            done += 1
            switch step {
            case .end(let status): return call.finish(status)
            case .payload(let payload, let time, let compressed) where time > .zero:
                isPausing = true
                let handle = call.handle
                Task {
                    try? await Task.sleep(for: time)
                    handle.run { [self] call in
                        isPausing = false
                        guard !call.isFinished else { return }
                        send(payload, compressed, call)
                        goOn(call)
                    }
                }
            case .payload(let payload, _, let compressed): send(payload, compressed, call)
            }
        }
        guard isIdle else { return }
        steps = []
        done = 0
        if hasEnded {
            call.finish()
        } else if call.hasRoom {
            call.resumeReading()
        }
    }

    private func send(_ payload: Grpc_Testing_Payload, _ compressed: Bool?, _ call: ServerCall) {
        call.send(Grpc_Testing_StreamingOutputCallResponse.with { $0.payload = payload }.bytes, compressed: compressed)
    }
}
