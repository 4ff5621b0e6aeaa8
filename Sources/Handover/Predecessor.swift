import ControlPlane
import DataPlane
import EventLoop
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The process that this one takes over from, or has taken over from: it finishes the calls that it has.
///
/// Any thread may use it.
package final class Predecessor: Sendable {
    /// The process that hands over is gone, or changed its mind.
    package struct Failure: Error, CustomStringConvertible {
        package init() {}

        package var description: String { "the process to take over from has not handed over" }
    }

    /// What came of the question what is left.
    package enum Answer: Sendable, Equatable {
        case left(LeftBehind)
        /// The process is gone, and its calls with it.
        case gone
        /// It didn't answer in time, and is asked again later.
        case silent
    }

    /// One who waits for an answer, for as long as the timer runs.
    private struct Question {
        var continuation: CheckedContinuation<Answer, Never>
        var timer: Task<Void, any Error>

        func end(_ answer: Answer) {
            timer.cancel()
            continuation.resume(returning: answer)
        }
    }

    /// One who waits for the end of calls.
    private enum DrainQuestion {
        /// Not waiting yet: the answer may come first.
        case asked
        case waiting(CheckedContinuation<Void, Never>)
    }

    private struct State {
        var isGone = false
        var nextID: UInt64
        var patience = AnswerPatience()
        var takeover: CheckedContinuation<Takeover?, Never>?
        var reports: [UInt64: Question] = [:]
        var drains: [UInt64: DrainQuestion] = [:]
        /// What it said last, for those of its totals that stay when it goes.
        var last: LeftBehind?
    }

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
    ) {
        channel = HandoverChannel(descriptor)
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
        passOn()
    }

    /// Nothing more is heard from the process here: it is gone, or answers to someone else.
    package func passOn() {
        channel.close()
        let waiting = state.withLock { state in
            state.isGone = true
            defer { (state.takeover, state.reports, state.drains) = (nil, [:], [:]) }
            return (state.takeover, state.reports, state.drains)
        }
        waiting.0?.resume(returning: nil)
        for report in waiting.1.values { report.end(.gone) }
        for case .waiting(let drain) in waiting.2.values { drain.resume() }
    }

    private func take(_ message: PredecessorMessage) {
        state.withLock { $0.patience.heard() }
        switch message {
        case .takeOver(let takeover):
            state.withLock { $0.takeover.take() }?.resume(returning: takeover)
        case .left(let id, let left):
            let waiting = state.withLock { state in
                state.last = left
                return state.reports.removeValue(forKey: id)
            }
            waiting?.end(.left(left))
        case .drained(let id): end(id)
        }
    }

    /// Stops and goes on taking answers in, while it is open whether someone else takes over from this process.
    package func leave() { channel.leave() }
    package func resume() { channel.listen() }

    // MARK: Taking over

    /// Says that this process is prepared, and waits for what it takes over.
    package func takeOver() async throws(Failure) -> Takeover {
        let takeover = await withCheckedContinuation { continuation in
            let isGone = state.withLock { state in
                if !state.isGone { state.takeover = continuation }
                return state.isGone
            }
            if isGone { return continuation.resume(returning: nil) }
            let versions = SuccessorMessage.versions
            order(.prepared(version: versions.lowerBound, newest: versions.upperBound))
        }
        guard let takeover else { throw Failure() }
        return takeover
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

    package var isGone: Bool { state.withLock { $0.isGone } }

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
                if state.isGone { return .gone }
                guard state.patience.mayAsk(now: TimeSource.system.read()) else { return .silent }
                let timer = Task {
                    try await Task.sleep(for: limit)
                    miss(id)
                }
                state.reports[id] = Question(continuation: continuation, timer: timer)
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
            let waiting = state.reports.removeValue(forKey: id)
            if waiting != nil { state.patience.missed(now: TimeSource.system.read()) }
            return waiting
        }
        waiting?.end(.silent)
    }

    /// Returns once no such call is left there, or as the task is cancelled. A process that doesn't answer has its calls.
    package func waitUntilDrained(_ color: Color, before epoch: UInt64) async {
        let id = nextID()
        await withTaskCancellationHandler {
            // Where the line is full, the question is asked again until there is room.
            while !ask(id, color, epoch) { try? await Task.sleep(for: AnswerPatience.pause) }
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    guard case .asked = state.drains[id] else { return false }
                    state.drains[id] = .waiting(continuation)
                    return true
                }
                if !mustWait { continuation.resume() }
            }
        } onCancel: {
            end(id)
        }
    }

    /// - Returns: whether there is nothing more to send: the question is, or there is none any more.
    private func ask(_ id: UInt64, _ color: Color, _ epoch: UInt64) -> Bool {
        let isNeeded = state.withLock { state in
            if !state.isGone && !Task.isCancelled { state.drains[id] = .asked }
            return state.drains[id] != nil
        }
        guard isNeeded else { return true }
        do {
            try channel.send(SuccessorMessage.waitUntilDrained(id: id, color: color, epoch: epoch))
            return true
        } catch {
            return false
        }
    }

    private func end(_ id: UInt64) {
        let waiting = state.withLock { $0.drains.removeValue(forKey: id) }
        if case .waiting(let continuation) = waiting { continuation.resume() }
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
