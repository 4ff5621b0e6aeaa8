import Glibc
import Ground
import Synchronization

/// Resolves host names to addresses on threads of its own, because getaddrinfo(3) blocks.
///
/// A name whose servers don't answer delays only its own questions: each question has a thread to itself, up to
/// `threadLimit` of them. Callers that ask a question already under way share its answer.
package final class Resolver: Sendable {
    /// The result for a name: at least one address, or the system's text for why there is none.
    package enum Outcome: Sendable, Equatable {
        case addresses([SocketAddress])
        case failed(reason: String)
    }

    /// Number of questions under way at a time; further ones wait for their turn.
    package static let threadLimit = 16

    private struct Question: Hashable {
        var host: String
        var port: UInt16
    }

    private typealias Answer = @Sendable (Outcome) -> Void

    private struct State {
        /// The callers that wait, by question.
        var waiting: [Question: [Answer]] = [:]
        /// Questions that no thread has taken, the oldest first.
        var queue: [Question] = []
        var threads = 0
    }

    private let state = Mutex(State())
    private let lookUp: @Sendable (_ host: String, _ port: UInt16) -> Outcome

    /// - Parameter lookUp: answers a question and may block; the system's resolver except in tests.
    package init(
        lookUp: @escaping @Sendable (_ host: String, _ port: UInt16) -> Outcome = {
            Resolver.resolveBlocking(host: $0, port: $1)
        }
    ) {
        self.lookUp = lookUp
    }

    /// Resolves a name and then calls `answer`: at once and on the calling thread for a numeric address or a Unix socket,
    /// otherwise on one of the resolver's threads. Any thread may call it.
    package func resolve(host: String, port: UInt16, answer: @escaping @Sendable (Outcome) -> Void) {
        if let address = SocketAddress(literal: host, port: port) {
            return answer(.addresses([address]))
        }
        let question = Question(host: host, port: port)
        let mustStart = state.withLock { state in
            if state.waiting[question] != nil {
                state.waiting[question]?.append(answer)
                return false
            }
            state.waiting[question] = [answer]
            state.queue.append(question)
            guard state.threads < Self.threadLimit else { return false }
            state.threads += 1
            return true
        }
        guard mustStart else { return }
        do {
            try LoopThread.start("resolver") { self.work() }
        } catch {
            let unanswered = state.withLock { state in
                state.threads -= 1
                // Another thread will take the question, if there is one.
                guard state.threads == 0 else { return [Answer]() }
                defer { (state.waiting, state.queue) = ([:], []) }
                return state.waiting.values.flatMap { $0 }
            }
            for answer in unanswered { answer(.failed(reason: error.description)) }
        }
    }

    /// Resolves on the calling thread, which may take as long as the system's resolver does.
    package static func resolveBlocking(host: String, port: UInt16) -> Outcome {
        if let address = SocketAddress(literal: host, port: port) {
            return .addresses([address])
        }
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else { return unsafe .failed(reason: String(cString: gai_strerror(code))) }
        defer { unsafe freeaddrinfo(list) }
        // The list belongs to getaddrinfo until freeaddrinfo; every address in it is copied out here.
        let addresses = unsafe sequence(first: list) { unsafe $0?.pointee.ai_next }
            .prefix { unsafe $0 != nil }
            .compactMap { unsafe $0?.pointee.ai_addr.flatMap { unsafe SocketAddress($0) } }
        return addresses.isEmpty ? .failed(reason: "no IPv4 or IPv6 address") : .addresses(addresses)
    }

    /// Answers questions until none is left; the next question starts a new thread.
    private func work() {
        while let question = takeQuestion() {
            let outcome = lookUp(question.host, question.port)
            let answers = state.withLock { $0.waiting.removeValue(forKey: question) ?? [] }
            for answer in answers { answer(outcome) }
        }
    }

    /// The oldest question; if there is none, the calling thread counts as ended from this call on.
    private func takeQuestion() -> Question? {
        state.withLock { state in
            guard !state.queue.isEmpty else {
                state.threads -= 1
                return nil
            }
            return state.queue.removeFirst()
        }
    }
}
