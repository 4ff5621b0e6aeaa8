import CLinux
import ControlPlane
import DataPlane
import EventLoop
import Glibc
import Ground

/// The process that is to take over from this one, as seen from here.
///
/// One task starts it: `start`, `prepared`, `takeOver`; if any of them fails, `giveUp` follows. Afterwards `serve`
/// answers its questions about the calls that are left here.
package final class Successor: Sendable {
    /// Why the new process did not take over. The description is one sentence.
    package struct Failure: Error, Equatable, CustomStringConvertible {
        package var description: String
    }

    /// A descriptor and its purpose.
    package typealias Passed = (name: InheritedDescriptors.Name, descriptor: FileDescriptor)

    /// The new process's id.
    package let processID: Int32
    private let channel: HandoverChannel
    private let unsent: @Sendable (HandoverChannel.Failure) -> Void

    /// The time limit for sending an answer.
    private static let answerLimit = Duration.seconds(5)

    private init(
        processID: Int32, channel: HandoverChannel, unsent: @escaping @Sendable (HandoverChannel.Failure) -> Void
    ) {
        self.processID = processID
        self.channel = channel
        self.unsent = unsent
    }

    /// Starts a program in this process's folder, with the given arguments and environment.
    ///
    /// - Parameters:
    ///   - arguments: begin with the program's name for itself.
    ///   - passed: the descriptors it gets besides the line to this process.
    ///   - unsent: called with answers that could not be sent.
    package static func start(
        program: String, arguments: [String], environment: [String: String], passing passed: [Passed],
        unsent: @escaping @Sendable (HandoverChannel.Failure) -> Void = { _ in }
    ) throws(Failure) -> Successor {
        let (channel, other): (HandoverChannel, FileDescriptor)
        do {
            let own: FileDescriptor
            (own, other) = try HandoverChannel.pair()
            channel = try HandoverChannel(own)
        } catch {
            throw Failure(description: "\(error)")
        }
        let all = passed + [(.handover, other)]
        var environment = environment
        environment[InheritedDescriptors.variable] = all.map(\.name.rawValue).joined(separator: ":")
        var processID: Int32 = 0
        let code = unsafe withCStrings(arguments) { arguments in
            unsafe withCStrings(environment.map { "\($0)=\($1)" }) { environment in
                unsafe clinux_spawn(
                    &processID, program, arguments, environment, all.map(\.descriptor.number), Int32(all.count))
            }
        }
        guard code == 0 else {
            throw Failure(description: "\(program) can't be started: \(SystemError(operation: "", code: code).reason)")
        }
        channel.listen()
        return Successor(processID: processID, channel: channel, unsent: unsent)
    }

    /// Waits until the new process could take over at once.
    package func prepared(within limit: Duration) async throws(Failure) {
        let deadline = TimeSource.system.read() + limit
        guard case .prepared(let version) = try await next(by: deadline, within: limit) else {
            throw Failure(description: "the new process said something out of turn")
        }
        let own = SuccessorMessage.version
        guard version == own else {
            throw Failure(
                description:
                    "it speaks version \(version) of the handover, this process version \(own): restart it instead")
        }
    }

    /// Hands everything over and waits until the new process serves.
    ///
    /// - Parameter traffic: answers the questions that the new process may ask meanwhile.
    package func takeOver(
        _ takeover: Takeover, within limit: Duration, _ traffic: any TrafficControl
    ) async throws(Failure) {
        do {
            try await channel.deliver(PredecessorMessage.takeOver(takeover), within: limit)
        } catch {
            throw Failure(description: "it can't be told what to take over: \(error)")
        }
        // For everything together: questions in between don't extend the time.
        let deadline = TimeSource.system.read() + limit
        while true {
            let message = try await next(by: deadline, within: limit)
            if case .ready = message { return }
            // Not awaited: a color may take hours to drain.
            Task { await answer(message, traffic, shutDown: {}) }
        }
    }

    /// Ends the new process, which has not taken over.
    ///
    /// - Returns: the exit status, if the process had already ended by itself.
    @discardableResult
    package func giveUp() async -> Int32? {
        channel.close()
        // A process that has closed its line is about to end, and its own status then says more than a signal's would.
        for _ in 0..<50 {
            if let status = reaped() { return status }
            try? await Task.sleep(for: .milliseconds(10))
        }
        kill(processID, SIGKILL)
        while reaped() == nil { try? await Task.sleep(for: .milliseconds(10)) }
        return nil
    }

    /// Kills the process. `giveUp()` must follow, and must not have been called: until then the number is this process's.
    package func end() { kill(processID, SIGKILL) }

    /// Answers questions for as long as this process and the line exist.
    ///
    /// - Parameter shutDown: called when the successor ends, so that the calls here end too.
    package func serve(_ traffic: any TrafficControl, shutDown: @escaping @Sendable () -> Void) async {
        await withDiscardingTaskGroup { group in
            for await bytes in channel.messages {
                guard let message = try? JSONCoding.decode(SuccessorMessage.self, from: bytes) else { continue }
                group.addTask { await self.answer(message, traffic, shutDown: shutDown) }
            }
            group.cancelAll()
        }
        _ = reaped()
    }

    private func answer(
        _ message: SuccessorMessage, _ traffic: any TrafficControl, shutDown: @Sendable () -> Void
    ) async {
        switch message {
        case .report(let id): await reply(.left(id: id, LeftBehind(traffic.report())))
        case .waitUntilDrained(let id, let color, let epoch, let limit):
            if await isDrained(traffic, color, before: epoch, within: limit) {
                await reply(.drained(id: id))
            } else {
                await reply(.left(id: id, LeftBehind(traffic.report())))
            }
        case .endCalls(let color, let epoch, let spread):
            traffic.endCalls(on: color, before: epoch, over: Self.duration(spread))
        case .cancelDrain: traffic.cancelDrain()
        case .shutDown: shutDown()
        case .prepared, .ready, .failed: break
        }
    }

    private func isDrained(
        _ traffic: any TrafficControl, _ color: Color, before epoch: UInt64, within limit: Double
    ) async -> Bool {
        await traffic.isDrained(color, before: epoch, within: Self.duration(limit), ContinuousClock())
    }

    /// Capped at a day, whatever the other process says: a number too large for a duration would trap.
    private static func duration(_ seconds: Double) -> Duration {
        .seconds(min(max(seconds, 0), 86_400))
    }

    private func reply(_ message: PredecessorMessage) async {
        do {
            try await channel.deliver(message, within: Self.answerLimit)
        } catch {
            unsent(error)
        }
    }

    /// - Parameter limit: the time limit that the deadline was computed from.
    private func next(
        by deadline: MonotonicTime, within limit: Duration
    ) async throws(Failure) -> SuccessorMessage {
        let timer = Task { [channel] in
            try await Task.sleep(for: deadline.since(TimeSource.system.read()))
            channel.close()
        }
        defer { timer.cancel() }
        var messages = channel.messages.makeAsyncIterator()
        guard let bytes = await messages.next() else {
            guard TimeSource.system.read() < deadline else {
                throw Failure(description: "the new process did not come up within \(limit)")
            }
            let status = await giveUp()
            throw Failure(
                description: "the new process ended before it was ready"
                    + (status.map { " (\(Self.text(ofStatus: $0)))" } ?? ""))
        }
        guard let message = try? JSONCoding.decode(SuccessorMessage.self, from: bytes) else {
            throw Failure(description: "the new process said something that this one doesn't understand")
        }
        if case .failed(let reason) = message { throw Failure(description: reason) }
        return message
    }

    /// - Returns: the process's status in the form of wait(2); `nil` while it runs, or if its status has been collected
    ///   already.
    private func reaped() -> Int32? {
        var status: Int32 = 0
        let result = retrying { unsafe waitpid(processID, &status, WNOHANG) }
        if result == processID { return status }
        return result < 0 ? 0 : nil
    }

    private static func text(ofStatus status: Int32) -> String {
        let signal = status & 0x7f
        return signal == 0 ? "exit status \(status >> 8 & 0xff)" : "signal \(signal)"
    }

    /// Passes strings to a function as a null-terminated array of C strings.
    private static func withCStrings<Result>(
        _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        // Owned here until the call returns; execve(2) changes none of them.
        let copies = unsafe texts.map { unsafe strdup($0) }
        defer { for index in unsafe copies.indices { unsafe free(copies[index]) } }
        return unsafe body(copies + [nil])
    }
}
