import ControlPlane
import DataPlane
import EventLoop
import Glibc
import Ground
import Synchronization

/// The process that this one takes over from, or has taken over from: it finishes its calls.
///
/// Every question to it has a time limit. Any thread may use it.
package final class Predecessor: Sendable {
    /// The process that hands over is gone, has changed its mind or takes too long. The description is one sentence.
    package struct Failure: Error, CustomStringConvertible {
        package var description = "the process to take over from has not handed over"

        package init() {}

        fileprivate init(within limit: Duration) {
            description += " within \(limit)"
        }

        /// - Parameter reason: why it goes on itself; `nil` if it hasn't said so.
        fileprivate init(refusal reason: String?) {
            if let reason { description = "the process to take over from doesn't hand over: \(reason)" }
        }
    }

    /// The outcome of a question.
    package enum Answer: Sendable, Equatable {
        /// The process's calls in flight.
        case left(LeftBehind)
        /// None of the calls asked about is left.
        case drained
        /// The process is gone, and its calls with it.
        case gone
        /// The process didn't answer in time, or answers to another process.
        case silent
    }

    private enum Line {
        case open
        /// The process is gone.
        case ended
        /// It answers to another process.
        case passedOn
    }

    /// A question that waits for its answer until its timer fires.
    private struct Question<Answer: Sendable> {
        var continuation: CheckedContinuation<Answer, Never>
        var timer: Task<Void, any Error>

        func end(_ answer: Answer) {
            timer.cancel()
            continuation.resume(returning: answer)
        }
    }

    private struct State {
        var line = Line.open
        var nextID: UInt64
        var patience = AnswerPatience()
        var takeover: Question<Result<Takeover, Failure>>?
        var questions: [UInt64: Question<Answer>] = [:]
        /// Its last report, for the totals that outlive it.
        var last: LeftBehind?
        /// Why it goes on itself.
        var refusal: String?
    }

    /// The time limit for handing over; longer than the old process itself waits for this one to serve.
    private static let handoverLimit = Duration.seconds(60)

    /// The longest reason kept from its message that it ends, in characters.
    private static let longestReason = 2_000

    private let channel: HandoverChannel
    private let unsent: @Sendable (HandoverChannel.Failure) -> Void
    // A range of numbers of this process's own: answers to questions of an earlier owner of this line are ignored. The
    // process's id wouldn't do, as processes in different containers may have the same.
    private let state = Mutex(State(nextID: UInt64.random(in: 0..<1 << 30) << 32))

    /// - Parameters:
    ///   - descriptor: this process's end of the line.
    ///   - unsent: called with orders that could not be sent.
    package init(
        _ descriptor: FileDescriptor, unsent: @escaping @Sendable (HandoverChannel.Failure) -> Void = { _ in }
    ) throws(SystemError) {
        channel = try HandoverChannel(descriptor)
        self.unsent = unsent
    }

    /// The line, for a process that takes over from this one.
    package var descriptor: FileDescriptor { channel.descriptor }

    /// Receives answers until the other process is gone or the task is cancelled.
    package func listen() async {
        channel.listen()
        for await bytes in channel.messages {
            guard let message = try? JSONCoding.decode(PredecessorMessage.self, from: bytes) else { continue }
            take(message)
        }
        close(.ended)
    }

    /// Records that the process answers to another process from now on: nothing more is heard from it here, though it
    /// may still have calls.
    package func passOn() {
        close(.passedOn)
    }

    private func close(_ line: Line) {
        // Before the channel ends: the listener's conclusion from that end then changes nothing.
        let waiting = state.withLock { state in
            if case .open = state.line { state.line = line }
            defer { (state.takeover, state.questions) = (nil, [:]) }
            return (state.takeover, state.questions, state.line)
        }
        channel.close()
        waiting.0?.end(.failure(failure))
        for question in waiting.1.values { question.end(Self.answer(of: waiting.2) ?? .silent) }
    }

    /// The answer to every question, given the state of the line; `nil` if a question can be asked.
    private static func answer(of line: Line) -> Answer? {
        switch line {
        case .open: nil
        case .ended: .gone
        case .passedOn: .silent
        }
    }

    private func take(_ message: PredecessorMessage) {
        state.withLock { $0.patience.heard() }
        switch message {
        case .takeOver(let takeover):
            state.withLock { $0.takeover.take() }?.end(.success(takeover))
        case .refused(let reason):
            let waiting = state.withLock { state in
                state.refusal = reason
                defer { state.takeover = nil }
                return state.takeover
            }
            waiting?.end(.failure(failure))
        case .left(let id, let left):
            state.withLock { $0.last = left }
            end(id, .left(left))
        case .drained(let id):
            end(id, .drained)
        }
    }

    private func end(_ id: UInt64, _ answer: Answer) {
        state.withLock { $0.questions.removeValue(forKey: id) }?.end(answer)
    }

    /// Stops receiving answers, until `resume()`, while it is undecided whether another process takes over from this
    /// one.
    package func leave() async { await channel.leave() }
    /// Receives answers again after `leave()`.
    package func resume() { channel.listen() }

    // MARK: Taking over

    /// Reports that this process is prepared, and waits for what it takes over.
    ///
    /// - Parameter limit: the time limit for that. The other process continues to serve if this one ends.
    package func takeOver(within limit: Duration = Predecessor.handoverLimit) async throws(Failure) -> Takeover {
        let result = await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                guard case .open = state.line else { return false }
                let timer = Task {
                    try await Task.sleep(for: limit)
                    self.state.withLock { $0.takeover.take() }?.end(.failure(Failure(within: limit)))
                }
                state.takeover = Question(continuation: continuation, timer: timer)
                return true
            }
            guard isOpen else { return continuation.resume(returning: .failure(failure)) }
            order(.prepared(version: SuccessorMessage.version))
        }
        return try result.get()
    }

    /// Why it has not handed over, as far as it has said.
    package var failure: Failure { Failure(refusal: state.withLock { $0.refusal }) }

    /// Reports that this process has taken over.
    package func ready() {
        order(.ready)
    }

    /// Reports why this process ends.
    package func failed(_ reason: String) {
        order(.failed(reason: String(reason.prefix(Self.longestReason))))
    }

    // MARK: The calls that are left there

    /// Whether the process has ended, and its calls with it; `false` for one that answers to another process.
    package var isGone: Bool {
        state.withLock { if case .ended = $0.line { true } else { false } }
    }

    /// Whether the line has ended at its other end, so that the process has ended or goes on itself.
    package var isHungUp: Bool { channel.isHungUp }

    /// Whether the process answers to another one.
    var isPassedOn: Bool {
        state.withLock { if case .passedOn = $0.line { true } else { false } }
    }

    /// Its last report of its calls; `nil` if there has been none.
    var last: LeftBehind? { state.withLock { $0.last } }

    /// Asks which calls are left.
    ///
    /// - Parameter limit: the time limit for the answer. After a missing answer, questions are not even sent for the
    ///   next few seconds.
    package func report(within limit: Duration = AnswerPatience.limit) async -> Answer {
        let id = nextID()
        return await withCheckedContinuation { continuation in
            let known: Answer? = state.withLock { state in
                if let answer = Self.answer(of: state.line) { return answer }
                guard state.patience.mayAsk(now: TimeSource.system.read()) else { return .silent }
                let timer = Task {
                    try await Task.sleep(for: limit)
                    miss(id)
                }
                state.questions[id] = Question(continuation: continuation, timer: timer)
                return nil
            }
            if let known { return continuation.resume(returning: known) }
            do {
                try channel.send(SuccessorMessage.report(id: id))
            } catch {
                miss(id)
            }
        }
    }

    /// Ends the wait for an answer; harmless if the answer has come.
    private func miss(_ id: UInt64) {
        let waiting = state.withLock { state in
            let waiting = state.questions.removeValue(forKey: id)
            if waiting != nil { state.patience.missed(now: TimeSource.system.read()) }
            return waiting
        }
        waiting?.end(.silent)
    }

    /// Waits until no such call is left there or the task is cancelled. A process that doesn't answer counts as having
    /// calls.
    ///
    /// - Parameter limit: the time limit for one answer, after which the question is asked again.
    /// - Returns: whether no call is left; `false` if the task was cancelled or the process answers to another one.
    package func waitUntilDrained(
        _ color: Color, before epoch: UInt64, _ scope: CallScope = .placed,
        askingEvery limit: Duration = AnswerPatience.longestWait
    ) async -> Bool {
        while !Task.isCancelled {
            switch await ask(color, epoch, scope, within: limit) {
            case .drained, .gone: return true
            case .left: continue
            case .silent where isPassedOn: return false
            case .silent: continue
            // If the line is full, wait until there is room.
            case nil: try? await Task.sleep(for: AnswerPatience.pause)
            }
        }
        return false
    }

    /// - Returns: `nil` if there is no room for the question.
    private func ask(_ color: Color, _ epoch: UInt64, _ scope: CallScope, within limit: Duration) async -> Answer? {
        let id = nextID()
        let isSent = Atomic<Bool>(true)
        let answer = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let known: Answer? = state.withLock { state in
                    if let answer = Self.answer(of: state.line) { return answer }
                    if Task.isCancelled { return .silent }
                    let timer = Task {
                        // The process reports by itself when the time is up; this timer covers one that reports
                        // nothing.
                        try await Task.sleep(for: limit + AnswerPatience.limit)
                        end(id, .silent)
                    }
                    state.questions[id] = Question(continuation: continuation, timer: timer)
                    return nil
                }
                if let known { return continuation.resume(returning: known) }
                do {
                    try channel.send(
                        SuccessorMessage.waitUntilDrained(
                            id: id, color: color, epoch: epoch, scope: scope, within: limit / .seconds(1)))
                } catch {
                    isSent.store(false, ordering: .relaxed)
                    end(id, .silent)
                }
            }
        } onCancel: {
            end(id, .silent)
        }
        return isSent.load(ordering: .relaxed) ? answer : nil
    }

    /// Orders the process to end calls, as `TrafficControl.endCalls` says. Returns at once; an order that can't be sent
    /// goes to `unsent`.
    package func endCalls(on color: Color, before epoch: UInt64, over spread: Duration) {
        order(.endCalls(color: color, epoch: epoch, spread: spread / .seconds(1)))
    }

    /// Orders the process to end no more calls, as `TrafficControl.cancelDrain` says. Returns at once; an order that
    /// can't be sent goes to `unsent`.
    package func cancelDrain() {
        order(.cancelDrain)
    }

    /// Orders the process to limit the calls that it has left to a shutdown's grace. Returns at once; an order that
    /// can't be sent goes to `unsent`.
    package func shutDown() {
        order(.shutDown)
    }

    private func order(_ message: SuccessorMessage) {
        do {
            try channel.send(message)
        } catch {
            unsent(error)
        }
    }

    private func nextID() -> UInt64 {
        state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
    }
}
