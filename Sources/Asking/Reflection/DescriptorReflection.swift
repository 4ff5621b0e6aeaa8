import EventLoop
import Ground

/// Asks servers what their services' messages look like, by gRPC server reflection.
package struct DescriptorReflection: Sendable {
    /// Why a server hasn't told.
    package struct Failure: Error, Equatable, CustomStringConvertible {
        /// A sentence without its beginning and end.
        package let description: String

        init(_ description: String) {
            self.description = description
        }
    }

    /// The time that a server has for everything.
    package static let patience = Duration.seconds(5)
    private static let userAgent = "sluice-reflection"

    private let asker: Asker

    package init(_ asker: Asker) {
        self.asker = asker
    }

    /// The bytes of a `google.protobuf.FileDescriptorSet`: the files of all services of a server, and those that they need,
    /// each once, in no order that matters. Files that the server doesn't know itself are missing.
    ///
    /// - Throws: `Failure`, a sentence that names the endpoint.
    package func descriptorSet(of endpoint: HostPort) async throws(Failure) -> [UInt8] {
        let contact = Contact(endpoint, tls: asker.tls, within: Self.patience, userAgent: Self.userAgent)
        let stopped = Result<[UInt8], Failure>.failure(Failure(Asker.stopped))
        let result = await asker.answer(ifStopped: stopped) { [resolver = asker.resolver] loop, answer in
            let talk = ReflectionTalk(CallSession(contact))
            let exchange = CallExchange(talk.session) { talk.isOver }
            Conversation.start(exchange, with: contact, on: loop, resolver: resolver) { _ in
                answer(talk.result ?? .failure(Failure("there is no answer")))
            }
        }
        do {
            return try result.get()
        } catch {
            throw Failure("\(endpoint) doesn't tell its services' descriptors by server reflection: \(error)")
        }
    }
}
