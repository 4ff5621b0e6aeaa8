import Asking
import EventLoop
import Ground
import HTTP2
import TLS

/// A watch of one upstream's health over a connection that stays open. Confined to its loop's thread; it lives on until
/// `end()`.
///
/// It has no clock of its own: whoever asks it sets the rounds. A question without a connection makes one, so an
/// upstream that is gone is looked for as often as it is asked.
final class HealthWatch: EventHandler {
    private enum State {
        case idle
        /// - Parameter goodbye: how the server announced the end of the connection before; `nil` if it announced none.
        case connecting(Dial, ProbeRequest, goodbye: String?)
        /// - Parameter goodbye: the same.
        case open(Transport, WatchSession, goodbye: String?)
        case ended
    }

    /// A question that has no answer yet.
    private final class Question {
        let began: MonotonicTime
        let answer: (HealthCheckResult) -> Void
        /// Its `Check`, once it has been asked.
        var stream: StreamID?
        var timeout: TimerID?
        /// Whether the server has sent anything since.
        var hasHeard = false

        init(began: MonotonicTime, answer: @escaping (HealthCheckResult) -> Void) {
            self.began = began
            self.answer = answer
        }
    }

    private let loop: EventLoop
    private let resolver: Resolver
    private let service: String
    /// The time that the server has for each answer.
    private let timeout: Duration
    /// The upstream, with the certificates in force now.
    private let request: () -> ProbeRequest
    private let tell: (WatchWord) -> Void
    private var state = State.idle
    private var questions: [Question] = []
    private var word = WatchWord.good
    /// Whether PINGs are sent: until the server refuses them.
    private var sendsPings = true

    /// - Parameters:
    ///   - timeout: the time that the server has for each answer.
    ///   - request: called once for each connection.
    ///   - tell: called on the loop's thread with each change of what is known of the upstream; at first nothing is
    ///     known against it.
    init(
        service: String, timeout: Duration, on loop: EventLoop, resolver: Resolver,
        request: @escaping () -> ProbeRequest, tell: @escaping (WatchWord) -> Void
    ) {
        self.service = service
        self.timeout = timeout
        self.loop = loop
        self.resolver = resolver
        self.request = request
        self.tell = tell
    }

    /// Asks the upstream; `answer` is called once, on the loop's thread.
    func ask(_ answer: @escaping (HealthCheckResult) -> Void) {
        let question = Question(began: loop.readClock(), answer: answer)
        questions.append(question)
        switch state {
        case .idle: connect()
        case .connecting: break
        case .open(let transport, let session, _):
            ask(question, session)
            write(transport, session)
        case .ended: self.answer(question, .requestFailed(reason: "the watch has ended"))
        }
    }

    /// Closes the connection. Questions that have no answer yet fail.
    func end() {
        close()
        state = .ended
        answerAll(.requestFailed(reason: "the watch has ended"))
    }

    // MARK: Connecting

    /// - Parameter goodbye: how the server announced the end of the connection that this one replaces.
    private func connect(after goodbye: String? = nil) {
        let request = request()
        let dial = Dial.start(request.contact, offering: .http2, on: loop, resolver: resolver) { [self] in connected($0)
        }
        state = .connecting(dial, request, goodbye: goodbye)
    }

    private func connected(_ outcome: Dial.Outcome) {
        guard case .connecting(_, let request, let goodbye) = state else { return }
        switch outcome {
        case .failed(let reason):
            state = .idle
            hasEnded(after: goodbye, reason)
            answerAll(.connectFailed(reason: reason))
        case .connected(let transport):
            do {
                try loop.add(transport.socket.descriptor, for: .readable, handler: self)
            } catch {
                state = .idle
                return answerAll(.requestFailed(reason: error.description))
            }
            let session = WatchSession(request, service: service, sendsPings: sendsPings) { [unowned self] word in
                say(word)
            }
            state = .open(transport, session, goodbye: goodbye)
            for question in questions { ask(question, session) }
            // The next round may be far away, and the server is to be heard until then.
            if questions.isEmpty { session.round { _ in } }
            write(transport, session)
            // The socket doesn't report again what came in with the end of the handshake.
            if isOpen(session) { read(transport, session) }
        }
    }

    // MARK: Rounds

    private func ask(_ question: Question, _ session: WatchSession) {
        let limit = timeout
        question.hasHeard = false
        question.timeout = loop.schedule(after: limit) { [self] in expired(question, limit) }
        question.stream = session.round { [unowned self] outcome in answer(question, outcome) }
    }

    private func expired(_ question: Question, _ limit: Duration) {
        guard case .open(let transport, let session, _) = state else { return }
        question.timeout = nil
        // With no PING under way, a slow answer can't be told from a server that hangs.
        guard question.hasHeard || !sendsPings else {
            return lose("no answer within \(limit), not even to a PING")
        }
        answer(question, .requestFailed(reason: "no answer within \(limit)"))
        if let stream = question.stream { session.fail(stream, "given up") }
        write(transport, session)
    }

    /// Answers a question, unless it has been answered.
    private func answer(_ question: Question, _ outcome: HealthCheckResult.Outcome) {
        guard let index = questions.firstIndex(where: { $0 === question }) else { return }
        questions.remove(at: index)
        if let timeout = question.timeout { loop.cancel(timeout) }
        question.answer(HealthCheckResult(outcome: outcome, latency: loop.readClock().since(question.began)))
    }

    private func answerAll(_ outcome: HealthCheckResult.Outcome) {
        for question in questions { answer(question, outcome) }
    }

    private func say(_ word: WatchWord) {
        guard word != self.word else { return }
        self.word = word
        tell(word)
    }

    // MARK: Bytes

    func ready(_ readiness: Readiness) {
        guard case .open(let transport, let session, _) = state else { return }
        if !readiness.isDisjoint(with: [.readable, .broken]) { read(transport, session) }
        if isOpen(session) { write(transport, session) }
    }

    private func isOpen(_ session: WatchSession) -> Bool {
        if case .open(_, let current, _) = state { current === session } else { false }
    }

    private func read(_ transport: Transport, _ session: WatchSession) {
        unsafe withUnsafeTemporaryAllocation(byteCount: RecordBuffer.leastPlaintext, alignment: 16) { buffer in
            while isOpen(session) {
                let arrival = unsafe transport.read(into: buffer)
                switch arrival.transfer {
                case .bytes(let count): unsafe receive(UnsafeRawBufferPointer(rebasing: buffer[..<count]), session)
                case .wouldBlock: return
                case .end: lose("the connection was closed")
                case .failed(let error): lose(transport.reason(of: error))
                }
                guard case .end = arrival.behind else { return }
            }
        }
    }

    private func receive(_ bytes: UnsafeRawBufferPointer, _ session: WatchSession) {
        for question in questions { question.hasHeard = true }
        let hadAnswered = session.hasAnswered
        do {
            try unsafe session.receive(bytes)
        } catch {
            return lose("HTTP/2: \(error)")
        }
        // The server is there, so what was said of its end is over, unless it speaks against itself.
        if !hadAnswered, session.hasAnswered, !session.speaksAgainstItself { say(.good) }
        if let code = session.goAway { leave(session, code) }
    }

    private func write(_ transport: Transport, _ session: WatchSession) {
        unsafe withUnsafeTemporaryAllocation(byteCount: Session.leastOutput, alignment: 16) { buffer in
            while isOpen(session) {
                let count: Int
                do {
                    count = try unsafe session.write(into: buffer)
                } catch {
                    return lose("HTTP/2: \(error)")
                }
                guard count > 0 else { return }
                switch unsafe transport.write(UnsafeRawBufferPointer(rebasing: buffer[..<count])) {
                case .all: continue
                case .failed(let reason): lose(reason)
                // The few bytes of a round fit an empty socket's buffer.
                case .blocked: lose("the upstream doesn't read")
                }
            }
        }
    }

    // MARK: The end of a connection

    /// Goes over to a new connection, because the server takes no more calls on this one. Servers end connections by
    /// GOAWAY when they stop, but also when a connection has become old: only the new one tells which it is.
    private func leave(_ session: WatchSession, _ code: ErrorCode) {
        guard session.hasAnswered else { return lose("the server ends the connection with \(code)") }
        if code == .enhanceYourCalm { sendsPings = false }
        close()
        for question in questions {
            question.stream = nil
            if let timeout = question.timeout { loop.cancel(timeout) }
            question.timeout = nil
        }
        connect(after: "the server ends the connection with \(code)")
    }

    /// The connection is gone without notice, or of no use.
    private func lose(_ reason: String) {
        guard case .open(_, let session, let goodbye) = state else { return }
        close()
        state = .idle
        if session.hasAnswered { say(.bad(reason: reason)) } else { hasEnded(after: goodbye, reason) }
        answerAll(.requestFailed(reason: reason))
    }

    /// No connection has come of an attempt, or none on which the server answered. If the server said goodbye before, it
    /// has stopped: one that stops may take a connection until it listens no more. Otherwise nothing is known of its end,
    /// and the check has failed like any other.
    private func hasEnded(after goodbye: String?, _ reason: String) {
        if let goodbye { say(.bad(reason: "\(goodbye); a new connection: \(reason)")) }
    }

    private func close() {
        switch state {
        case .idle, .ended: break
        case .connecting(let dial, _, _): dial.cancel()
        case .open(let transport, _, _):
            transport.close()
            loop.remove(transport.socket.descriptor)
        }
    }
}
