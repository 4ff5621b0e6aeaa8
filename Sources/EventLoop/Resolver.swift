import Glibc
import Ground
import Synchronization

/// Turns host names into addresses on threads of its own, because getaddrinfo(3) blocks.
///
/// A name whose servers don't answer holds up its own questions and nobody else's: each has a thread to itself, up to
/// `threadLimit` of them. Those who ask the same while it is being asked share its answer.
package final class Resolver: Sendable {
    /// What came of a name: at least one address, or the system's text for why there is none.
    package enum Outcome: Sendable, Equatable {
        case addresses([SocketAddress])
        case failed(reason: String)
    }

    /// Questions beyond as many wait for their turn.
    package static let threadLimit = 16

    private struct Question: Hashable {
        var host: String
        var port: UInt16
    }

    private typealias Answer = @Sendable (Outcome) -> Void

    private struct State {
        /// Who waits for which question.
        var waiting: [Question: [Answer]] = [:]
        /// Questions that no thread has taken, the oldest first.
        var queue: [Question] = []
        var threads = 0
    }

    private let state = Mutex(State())
    private let lookUp: @Sendable (_ host: String, _ port: UInt16) -> Outcome

    /// - Parameter lookUp: answers a question and may block; the system's resolver but in tests.
    package init(
        lookUp: @escaping @Sendable (_ host: String, _ port: UInt16) -> Outcome = {
            Resolver.resolveBlocking(host: $0, port: $1)
        }
    ) {
        self.lookUp = lookUp
    }

    /// Resolves and then calls `answer`: at once and on the calling thread for a numeric address, else on a thread of
    /// the resolver's. Any thread may call it.
    package func resolve(host: String, port: UInt16, answer: @escaping @Sendable (Outcome) -> Void) {
        if let address = SocketAddress(numeric: host, port: port) {
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
                // Another thread will come to it, if there is one.
                guard state.threads == 0 else { return [Answer]() }
                defer { (state.waiting, state.queue) = ([:], []) }
                return state.waiting.values.flatMap { $0 }
            }
            for answer in unanswered { answer(.failed(reason: error.description)) }
        }
    }

    /// Resolves on the calling thread, which may take as long as the system's resolver likes.
    package static func resolveBlocking(host: String, port: UInt16) -> Outcome {
        if let address = SocketAddress(numeric: host, port: port) {
            return .addresses([address])
        }
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else { return unsafe .failed(reason: String(cString: gai_strerror(code))) }
        defer { unsafe freeaddrinfo(list) }
        // The list is getaddrinfo's own until freeaddrinfo; every address in it is copied out here.
        let addresses = unsafe sequence(first: list) { unsafe $0?.pointee.ai_next }
            .prefix { unsafe $0 != nil }
            .compactMap { unsafe $0?.pointee.ai_addr.flatMap { unsafe SocketAddress($0) } }
        return addresses.isEmpty ? .failed(reason: "no IPv4 or IPv6 address") : .addresses(addresses)
    }

    /// Answers until nothing is asked any more; the next question starts a new thread.
    private func work() {
        while let question = takeQuestion() {
            let outcome = lookUp(question.host, question.port)
            let answers = state.withLock { $0.waiting.removeValue(forKey: question) ?? [] }
            for answer in answers { answer(outcome) }
        }
    }

    /// The oldest question; where there is none, the thread that asks has ended with this call.
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
