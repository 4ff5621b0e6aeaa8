import GRPCServer
import Ground
import OpenInference

extension RPCStatus {
    init(_ failure: InferenceFailure) {
        switch failure {
        case .invalidArgument(let message): self.init(.invalidArgument, message)
        case .notFound(let message): self.init(.notFound, message)
        case .unavailable(let message): self.init(.unavailable, message)
        }
    }

    static let loading = RPCStatus(.unavailable, "the model is still being loaded")
    static let severalModels = RPCStatus(
        .failedPrecondition,
        "there are several models here, and this protocol can't name one: set MODEL_NAME, or ask by the Open Inference "
            + "Protocol")
}

extension UnaryOutcome {
    /// Answers at once, or where it doesn't hold up others.
    static func workingOut(
        isLong: Bool, _ work: @escaping @Sendable () throws(InferenceFailure) -> [UInt8]
    ) -> UnaryOutcome {
        guard isLong else {
            switch Self.result(work) {
            case .success(let message): return .message(message)
            case .failure(let status): return .failure(status)
            }
        }
        return .background { result(work) }
    }

    private static func result(
        _ work: () throws(InferenceFailure) -> [UInt8]
    ) -> Result<[UInt8], RPCStatus> {
        do throws(InferenceFailure) {
            return .success(try work())
        } catch {
            return .failure(RPCStatus(error))
        }
    }
}

extension ServerCall {
    /// Sends the answer to a message of a stream: at once, or from where it holds up no other call. Meanwhile no further
    /// message is taken, so that answers keep the order of their requests. A client that doesn't read its answers has no
    /// more of its requests read.
    ///
    /// - Parameter bytes: memory that the message takes.
    func answer(
        isLong: Bool, holding bytes: Int, _ work: @escaping @Sendable () throws(InferenceFailure) -> [UInt8]
    ) {
        guard isLong else {
            let encoder = encoder
            take(Result(catching: work).map(encoder.encode))
            if !hasRoom { pauseReading() }
            return
        }
        pauseReading()
        let encoder = encoder
        runInBackground(holding: bytes) {
            let result = Result(catching: work).map(encoder.encode)
            return { call in
                call.take(result)
                if call.hasRoom { call.resumeReading() }
            }
        }
    }

    private func take(_ result: Result<EncodedMessage, InferenceFailure>) {
        switch result {
        case .success(let message): send(message)
        case .failure(let failure): finish(RPCStatus(failure))
        }
    }
}
