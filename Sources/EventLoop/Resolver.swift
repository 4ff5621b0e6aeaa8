import Glibc
import Synchronization

/// Turns host names into addresses on a thread of its own, because getaddrinfo(3) blocks.
package final class Resolver: Sendable {
    /// What came of a name: at least one address, or the system's text for why there is none.
    package enum Outcome: Sendable, Equatable {
        case addresses([SocketAddress])
        case failed(reason: String)
    }

    private struct Request {
        var host: String
        var port: UInt16
        var answer: @Sendable (Outcome) -> Void
    }

    private struct State {
        var requests: [Request] = []
        var hasThread = false
    }

    private let state = Mutex(State())

    package init() {}

    /// Resolves and then calls `answer`: at once and on the calling thread for a numeric address, else on the
    /// resolver's thread. Any thread may call it.
    package func resolve(host: String, port: UInt16, answer: @escaping @Sendable (Outcome) -> Void) {
        if let address = SocketAddress(numeric: host, port: port) {
            return answer(.addresses([address]))
        }
        let mustStart = state.withLock { state in
            state.requests.append(Request(host: host, port: port, answer: answer))
            defer { state.hasThread = true }
            return !state.hasThread
        }
        guard mustStart else { return }
        do {
            try LoopThread.start("resolver") { self.work() }
        } catch {
            for request in takeAll() { request.answer(.failed(reason: error.description)) }
        }
    }

    /// Resolves on the calling thread, which may take as long as the system's resolver likes.
    package static func resolveBlocking(host: String, port: UInt16) -> Outcome {
        if let address = SocketAddress(numeric: host, port: port) {
            return .addresses([address])
        }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else { return .failed(reason: String(cString: gai_strerror(code))) }
        defer { freeaddrinfo(list) }
        // The list is getaddrinfo's own until freeaddrinfo; every address in it is copied out here.
        let addresses = sequence(first: list) { $0?.pointee.ai_next }
            .prefix { $0 != nil }
            .compactMap { $0?.pointee.ai_addr.flatMap { SocketAddress($0) } }
        return addresses.isEmpty ? .failed(reason: "no IPv4 or IPv6 address") : .addresses(addresses)
    }

    /// Serves until nothing is asked any more; the next question starts a new thread.
    private func work() {
        while true {
            let requests = takeAll()
            if requests.isEmpty { return }
            for request in requests {
                request.answer(Self.resolveBlocking(host: request.host, port: request.port))
            }
        }
    }

    /// All that was asked; where that is nothing, the thread that asks has ended with this call.
    private func takeAll() -> [Request] {
        state.withLock { state in
            if state.requests.isEmpty { state.hasThread = false }
            defer { state.requests = [] }
            return state.requests
        }
    }
}
