import CLinux
import ControlPlane
import DataPlane
import EventLoop
import Glibc
import Ground

/// The process that is to take over from this one, as seen from here.
///
/// One task prepares it: `start` or `connected`, `prepared`, `takeOver`; if any of them fails, `giveUp` follows. Afterwards
/// `serve` answers its questions about the calls that are left here.
package final class Successor: Sendable {
    /// Why the new process did not take over. The description is one sentence.
    package struct Failure: Error, Equatable, CustomStringConvertible {
        package var description: String

        package init(description: String) {
            self.description = description
        }
    }

    /// A descriptor and its purpose.
    package typealias Passed = (name: InheritedDescriptors.Name, descriptor: FileDescriptor)

    /// Where the new process comes from.
    private enum Origin {
        case started(ChildProcess)
        /// It has connected to the handover socket: it may be in another container, and somebody else waits for its
        /// end.
        case connected(PeerCredentials)
    }

    private let origin: Origin
    private let channel: HandoverChannel
    private let unsent: @Sendable (HandoverChannel.Failure) -> Void

    /// The time limit for sending an answer.
    private static let answerLimit = Duration.seconds(5)
    /// How long a new process that has closed its line may take to end.
    private static let endLimit = Duration.milliseconds(500)

    private init(
        _ origin: Origin, channel: HandoverChannel, unsent: @escaping @Sendable (HandoverChannel.Failure) -> Void
    ) {
        self.origin = origin
        self.channel = channel
        self.unsent = unsent
        channel.listen()
    }

    /// The new process's id; `nil` if it is in a namespace that this process doesn't see into.
    package var processID: Int32? {
        switch origin {
        case .started(let child): child.processID
        case .connected(let peer): peer.processID > 0 ? peer.processID : nil
        }
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
        return Successor(.started(ChildProcess(processID)), channel: channel, unsent: unsent)
    }

    /// Takes a process that has connected to the handover socket, and sends it the descriptors. If that fails, it has been
    /// told nothing yet.
    ///
    /// - Parameters:
    ///   - line: its line.
    ///   - peer: who it is.
    ///   - passed, unsent: as for `start`.
    package static func connected(
        _ line: FileDescriptor, from peer: PeerCredentials, passing passed: [Passed],
        unsent: @escaping @Sendable (HandoverChannel.Failure) -> Void = { _ in }
    ) throws(Failure) -> Successor {
        let channel: HandoverChannel
        do {
            channel = try HandoverChannel(line)
        } catch {
            throw Failure(description: "\(error)")
        }
        do {
            let greeting = Greeting.descriptors(names: passed.map(\.name.rawValue))
            try DescriptorPacket(bytes: JSONCoding.line(greeting), descriptors: passed.map(\.descriptor)).send(
                over: line)
        } catch {
            // One packet has them all: there may be too many earlier processes that still finish calls.
            throw Failure(description: "\(passed.count) descriptors can't be sent: \(error)")
        }
        return Successor(.connected(peer), channel: channel, unsent: unsent)
    }

    /// Tells a process that has connected to the handover socket why it can't take over. It finds its line closed once
    /// the descriptor is.
    package static func refuse(_ line: FileDescriptor, _ reason: String) {
        guard let bytes = try? JSONCoding.line(Greeting.refused(reason: reason)) else { return }
        try? DescriptorPacket(bytes: bytes, descriptors: []).send(over: line)
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

    /// Hands everything over and waits until the new process says that it has taken over. Whether it has is for the
    /// `TakeoverDecision` to say, even if this fails.
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

    /// Gives up a new process that has not taken over, and can't any more: one that was started here has ended when this
    /// returns; one that has connected is told why, and ends by itself.
    package func giveUp(_ reason: String) async {
        switch origin {
        case .connected: refuse(reason)
        case .started(let child):
            channel.close()
            if await !hasEnded() { child.kill() }
            while child.endStatus == nil { try? await Task.sleep(for: .milliseconds(10)) }
        }
    }

    /// Has the new process, which can't take over any more, end at once. `giveUp` must follow.
    package func end(_ reason: String) {
        switch origin {
        case .connected: refuse(reason)
        case .started(let child): child.kill()
        }
    }

    private func refuse(_ reason: String) {
        try? channel.send(PredecessorMessage.refused(reason: String(reason.prefix(Self.longestReason))))
        channel.hangUp()
    }

    /// Whether the new process has ended; waits for one that is about to.
    package func hasEnded() async -> Bool {
        let deadline = TimeSource.system.read() + Self.endLimit
        while true {
            switch origin {
            // Nobody else has its end of the line.
            case .connected: return channel.isHungUp
            case .started(let child): if child.endStatus != nil { return true }
            }
            guard TimeSource.system.read() < deadline else { return false }
            try? await Task.sleep(for: .milliseconds(10))
        }
    }

    /// The longest reason that is sent, in characters.
    private static let longestReason = 2_000

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
        if case .started(let child) = origin { _ = child.endStatus }
    }

    private func answer(
        _ message: SuccessorMessage, _ traffic: any TrafficControl, shutDown: @Sendable () -> Void
    ) async {
        switch message {
        case .report(let id): await reply(.left(id: id, LeftBehind(traffic.report())))
        case .waitUntilDrained(let id, let color, let epoch, let scope, let limit):
            if await isDrained(traffic, color, before: epoch, scope ?? .placed, within: limit) {
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
        _ traffic: any TrafficControl, _ color: Color, before epoch: UInt64, _ scope: CallScope, within limit: Double
    ) async -> Bool {
        await traffic.isDrained(color, before: epoch, scope, within: Self.duration(limit), ContinuousClock())
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
            throw Failure(description: "the new process ended before it was ready" + (await endInWords()))
        }
        guard let message = try? JSONCoding.decode(SuccessorMessage.self, from: bytes) else {
            throw Failure(description: "the new process said something that this one doesn't understand")
        }
        if case .failed(let reason) = message { throw Failure(description: reason) }
        return message
    }

    /// How the new process has ended, in brackets; empty if that can't be known.
    private func endInWords() async -> String {
        guard case .started(let child) = origin, await hasEnded(), let status = child.endStatus else { return "" }
        return " (\(ChildProcess.text(ofStatus: status)))"
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
