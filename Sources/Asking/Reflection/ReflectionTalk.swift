import Ground
import HTTP2

/// A talk with a server about its descriptors: one call of server reflection, and another one by the protocol's older name
/// where the server doesn't know the newer one. Confined to its session's thread.
package final class ReflectionTalk {
    /// The descriptor set, or why there is none; `nil` until the collection is complete.
    package private(set) var result: Result<[UInt8], DescriptorReflection.Failure>?
    /// Whether the server has ended the call, or nothing can come of it any more.
    package private(set) var isOver = false
    package let session: CallSession

    private var names = ["v1", "v1alpha"][...]
    private var collection = DescriptorCollection()
    private var stream: StreamID?
    private var hasHeard = false

    /// Begins on a session.
    package init(_ session: CallSession) {
        self.session = session
        begin()
    }

    private func begin() {
        guard let name = names.popFirst() else { return }
        collection = DescriptorCollection()
        do {
            // An answer may be a file with all those that it needs.
            stream = try session.open(
                "/grpc.reflection.\(name).ServerReflection/ServerReflectionInfo",
                largestAnswer: DescriptorCollection.mostBytes + 65_536
            ) { [unowned self] in heard($0) }
            ask()
        } catch {
            end(.failure(.init("the request can't be made: \(error)")))
        }
    }

    private func ask() {
        guard let stream else { return }
        while let question = collection.next() { session.send(question, on: stream) }
        guard collection.isComplete else { return }
        do throws(DescriptorCollection.Flaw) {
            result = .success(try collection.descriptorSet())
            // The server ends the call in turn, and then the talk is over.
            session.endMessages(on: stream)
        } catch {
            giveUp(error.description)
        }
    }

    private func heard(_ event: CallStream.Event) {
        switch event {
        case .message(let answer):
            guard result == nil else { return }
            hasHeard = true
            do throws(DescriptorCollection.Flaw) {
                try collection.take(answer)
                ask()
            } catch {
                giveUp(error.description)
            }
        case .ended(GRPCStatus.unimplemented.rawValue, _) where !hasHeard && !names.isEmpty: begin()
        case .ended(0, _): end(.failure(.init("the server has ended the call before its last answer")))
        case .ended(let status, let message):
            let refusal = UnaryCall.Answer.refused(status: status, message: message)
            end(.failure(.init(refusal.failure ?? "")))
        case .failed(let reason): end(.failure(.init(reason)))
        }
    }

    private func giveUp(_ reason: String) {
        end(.failure(.init(reason)))
        if let stream { session.fail(stream, reason) }
    }

    /// A result that is there already stays.
    private func end(_ result: Result<[UInt8], DescriptorReflection.Failure>) {
        if self.result == nil { self.result = result }
        isOver = true
    }
}
