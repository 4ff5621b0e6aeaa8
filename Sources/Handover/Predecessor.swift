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

    private struct State {
        var isGone = false
        var nextID: UInt64
        var takeover: CheckedContinuation<Takeover?, Never>?
        var reports: [UInt64: CheckedContinuation<LeftBehind?, Never>] = [:]
        var drains: [UInt64: CheckedContinuation<Void, Never>] = [:]
        /// What it said last, for those of its totals that stay when it goes.
        var last: LeftBehind?
    }

    private let channel: HandoverChannel
    // The process's own range of numbers: answers to whoever asked on this line before mean nothing here.
    private let state = Mutex(State(nextID: UInt64(getpid()) << 32))

    /// - Parameter descriptor: this process's end of the line.
    package init(_ descriptor: FileDescriptor) {
        channel = HandoverChannel(descriptor)
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
        for report in waiting.1.values { report.resume(returning: nil) }
        for drain in waiting.2.values { drain.resume() }
    }

    private func take(_ message: PredecessorMessage) {
        switch message {
        case .takeOver(let takeover):
            state.withLock { $0.takeover.take() }?.resume(returning: takeover)
        case .left(let id, let left):
            let waiting = state.withLock { state in
                state.last = left
                return state.reports.removeValue(forKey: id)
            }
            waiting?.resume(returning: left)
        case .drained(let id):
            state.withLock { $0.drains.removeValue(forKey: id) }?.resume()
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
            channel.send(SuccessorMessage.prepared(version: SuccessorMessage.version))
        }
        guard let takeover else { throw Failure() }
        return takeover
    }

    /// Says that this process serves.
    package func ready() {
        channel.send(SuccessorMessage.ready)
    }

    /// Says why this process ends.
    package func failed(_ reason: String) {
        channel.send(SuccessorMessage.failed(reason: reason))
    }

    // MARK: The calls that are left there

    package var isGone: Bool { state.withLock { $0.isGone } }

    /// What it has said of its calls last; `nil` where it never has.
    var last: LeftBehind? { state.withLock { $0.last } }

    /// - Returns: `nil` where the process is gone, and its calls with it.
    package func report() async -> LeftBehind? {
        await withCheckedContinuation { continuation in
            let id = number { $0.reports[$1] = continuation }
            guard let id else { return continuation.resume(returning: nil) }
            channel.send(SuccessorMessage.report(id: id))
        }
    }

    /// Returns once no such call is left there, or as the task is cancelled.
    package func waitUntilDrained(_ color: Color, before epoch: UInt64) async {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    if !state.isGone && !Task.isCancelled { state.drains[id] = continuation }
                    return state.drains[id] != nil
                }
                guard mustWait else { return continuation.resume() }
                channel.send(SuccessorMessage.waitUntilDrained(id: id, color: color, epoch: epoch))
            }
        } onCancel: {
            state.withLock { $0.drains.removeValue(forKey: id) }?.resume()
        }
    }

    package func endCalls(on color: Color, before epoch: UInt64, over spread: Duration) {
        channel.send(SuccessorMessage.endCalls(color: color, epoch: epoch, spread: spread / .seconds(1)))
    }

    package func cancelDrain() {
        channel.send(SuccessorMessage.cancelDrain)
    }

    package func shutDown() {
        channel.send(SuccessorMessage.shutDown)
    }

    /// Numbers a question and has it wait.
    private func number(_ wait: (inout State, UInt64) -> Void) -> UInt64? {
        state.withLock { state in
            guard !state.isGone else { return nil }
            state.nextID += 1
            wait(&state, state.nextID)
            return state.nextID
        }
    }
}
