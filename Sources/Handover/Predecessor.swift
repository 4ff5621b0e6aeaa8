import ControlPlane
import DataPlane
import EventLoop
import Glibc
import Ground
import Synchronization

/// The process that this one takes over from, or has taken over from: it finishes the calls that it has.
///
/// Every question to it has a time limit. Any thread may use it.
package final class Predecessor: Sendable {
    /// The process that hands over is gone, changed its mind or takes too long. Its description is one sentence.
    package struct Failure: Error, CustomStringConvertible {
        package var description = "the process to take over from has not handed over"

        package init() {}

        fileprivate init(within limit: Duration) {
            description += " within \(limit)"
        }
    }

    /// What came of a question.
    package enum Answer: Sendable, Equatable {
        case left(LeftBehind)
        /// No call that was asked about is left.
        case drained
        /// The process is gone, and its calls with it.
        case gone
        /// It didn't answer in time, or answers to someone else.
        case silent
    }

    private enum Line {
        case open
        /// The process is gone.
        case ended
        /// It answers to another process.
        case passedOn
    }

    /// One who waits for an answer, for as long as the timer runs.
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
        /// What it said last, for those of its totals that stay when it goes.
        var last: LeftBehind?
    }

    /// How long it may take to hand over, longer than it waits itself for this process to serve.
    private static let handoverLimit = Duration.seconds(60)

    /// Of what it says why it ends; in characters.
    private static let longestReason = 2_000

    private let channel: HandoverChannel
    private let unsent: @Sendable (HandoverChannel.Failure) -> Void
    // The process's own range of numbers: answers to whoever asked on this line before mean nothing here.
    private let state = Mutex(State(nextID: UInt64(getpid()) << 32))

    /// - Parameters:
    ///   - descriptor: this process's end of the line.
    ///   - unsent: learns of orders that could not be sent.
    package init(
        _ descriptor: FileDescriptor, unsent: @escaping @Sendable (HandoverChannel.Failure) -> Void = { _ in }
    ) throws(SystemError) {
        channel = try HandoverChannel(descriptor)
        self.unsent = unsent
    }

    /// For whoever takes over from this process.
    package var descriptor: FileDescriptor { channel.descriptor }

    /// Takes answers in until the other process is gone or the task is cancelled.
    package func listen() async {
        channel.listen()
        for await bytes in channel.messages {
            guard let message = try? JSONCoding.decode(PredecessorMessage.self, from: bytes) else { continue }
            take(message)
        }
        close(.ended)
    }

    /// Nothing more is heard from the process here: it answers to someone else from now on, and may still have calls.
    package func passOn() {
        close(.passedOn)
    }

    private func close(_ line: Line) {
        // Before the channel ends: what the one who listens makes of that is no news then.
        let waiting = state.withLock { state in
            if case .open = state.line { state.line = line }
            defer { (state.takeover, state.questions) = (nil, [:]) }
            return (state.takeover, state.questions, state.line)
        }
        channel.close()
        waiting.0?.end(.failure(Failure()))
        for question in waiting.1.values { question.end(Self.answer(of: waiting.2) ?? .silent) }
    }

    /// What every question comes to; `nil` where it can be asked.
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

    /// Stops and goes on taking answers in, while it is open whether someone else takes over from this process.
    package func leave() async { await channel.leave() }
    package func resume() { channel.listen() }

    // MARK: Taking over

    /// Says that this process is prepared, and waits for what it takes over.
    ///
    /// - Parameter limit: how long that may take. The other process goes on when this one ends.
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
            guard isOpen else { return continuation.resume(returning: .failure(Failure())) }
            let versions = SuccessorMessage.versions
            order(.prepared(version: versions.lowerBound, newest: versions.upperBound))
        }
        return try result.get()
    }

    /// Says that this process serves.
    package func ready() {
        order(.ready)
    }

    /// Says why this process ends.
    package func failed(_ reason: String) {
        order(.failed(reason: String(reason.prefix(Self.longestReason))))
    }

    // MARK: The calls that are left there

    package var isGone: Bool {
        state.withLock { if case .ended = $0.line { true } else { false } }
    }

    /// Whether it answers to someone else.
    var isPassedOn: Bool {
        state.withLock { if case .passedOn = $0.line { true } else { false } }
    }

    /// What it has said of its calls last; `nil` where it never has.
    var last: LeftBehind? { state.withLock { $0.last } }

    /// Asks what is left.
    ///
    /// - Parameter limit: how long to wait for the answer. After one that didn't come, the next few seconds' questions are
    ///   not even asked.
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

    /// A question has no answer; harmless where it has one.
    private func miss(_ id: UInt64) {
        let waiting = state.withLock { state in
            let waiting = state.questions.removeValue(forKey: id)
            if waiting != nil { state.patience.missed(now: TimeSource.system.read()) }
            return waiting
        }
        waiting?.end(.silent)
    }

    /// Returns once no such call is left there, or as the task is cancelled. A process that doesn't answer has its calls.
    ///
    /// - Parameter limit: how long to wait for one answer; then the question is asked again.
    /// - Returns: whether none is left; otherwise the task has been cancelled, or the process answers to someone else.
    package func waitUntilDrained(
        _ color: Color, before epoch: UInt64, askingEvery limit: Duration = AnswerPatience.longestWait
    ) async -> Bool {
        while !Task.isCancelled {
            switch await ask(color, epoch, within: limit) {
            case .drained, .gone: return true
            case .left: continue
            case .silent where isPassedOn: return false
            case .silent: continue
            // Where the line is full, until there is room.
            case nil: try? await Task.sleep(for: AnswerPatience.pause)
            }
        }
        return false
    }

    /// - Returns: `nil` where there is no room for the question.
    private func ask(_ color: Color, _ epoch: UInt64, within limit: Duration) async -> Answer? {
        let id = nextID()
        let isSent = Atomic<Bool>(true)
        let answer = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let known: Answer? = state.withLock { state in
                    if let answer = Self.answer(of: state.line) { return answer }
                    if Task.isCancelled { return .silent }
                    let timer = Task {
                        // It says itself when the time is up; what counts here is that it may say nothing.
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
                            id: id, color: color, epoch: epoch, within: limit / .seconds(1)))
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

    package func endCalls(on color: Color, before epoch: UInt64, over spread: Duration) {
        order(.endCalls(color: color, epoch: epoch, spread: spread / .seconds(1)))
    }

    package func cancelDrain() {
        order(.cancelDrain)
    }

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
