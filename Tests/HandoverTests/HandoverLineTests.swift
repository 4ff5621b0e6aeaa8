import ControlPlane
import DataPlane
import EventLoop
import Glibc
import Ground
import Synchronization
import Testing

import Handover

/// The line between an old and a new process, with both ends in the test's own process.
@Suite struct HandoverLineTests {
    private static let change = Change(
        epoch: 1, action: .initial, from: nil, to: .blue, at: Timestamp(milliseconds: 0), who: "settings")

    /// A line: the test plays the old process on the channel, and a `Predecessor` is the new process's end.
    private func line() throws -> (HandoverChannel, Predecessor) {
        let (old, new) = try HandoverChannel.pair()
        let channel = try HandoverChannel(old)
        channel.listen()
        return (channel, try Predecessor(new))
    }

    private func next(_ channel: HandoverChannel) async throws -> SuccessorMessage {
        var messages = channel.messages.makeAsyncIterator()
        let bytes = try #require(await messages.next())
        return try JSONCoding.decode(SuccessorMessage.self, from: bytes)
    }

    @Test func takesOver() async throws {
        let (old, predecessor) = try line()
        let listening = Task { await predecessor.listen() }
        async let takeover = predecessor.takeOver()
        #expect(try await next(old) == .prepared(version: 3))
        let given = Takeover(
            state: try #require(SwitchState(history: [Self.change])),
            health: [
                ColorHealth(
                    color: .green,
                    endpoints: [
                        EndpointHealth(
                            endpoint: Endpoint(host: "::1", port: 1), state: .unhealthy,
                            since: Timestamp(milliseconds: 5))
                    ])
            ], drain: nil)
        try await old.deliver(PredecessorMessage.takeOver(given), within: .seconds(10))
        #expect(try await takeover == given)
        predecessor.ready()
        #expect(try await next(old) == .ready)
        old.close()
        listening.cancel()
    }

    @Test func predecessorThatIsGone() async throws {
        let (old, new) = try HandoverChannel.pair()
        let predecessor = try Predecessor(new)
        let listening = Task { await predecessor.listen() }
        let takeover = Task { try await predecessor.takeOver() }
        withExtendedLifetime(consume old) {}
        await #expect(throws: Predecessor.Failure.self) { try await takeover.value }
        await listening.value
        #expect(await predecessor.report() == .gone)
        #expect(await predecessor.waitUntilDrained(.blue, before: 2))
        #expect(predecessor.isGone)
    }

    /// The largest takeover there is: 500 endpoints, each with a failure reason of the length that reasons had before
    /// they were bounded.
    private static func large() throws -> Takeover {
        let endpoints = (0..<500).map { number in
            var health = EndpointHealth(
                endpoint: Endpoint(host: "endpoint-\(number).example", port: 50051), state: .unhealthy,
                since: Timestamp(milliseconds: 5))
            health.lastFailure = HealthFailure(
                reason: String(repeating: "é\"", count: 8192), at: Timestamp(milliseconds: 6))
            return health
        }
        let state = try #require(SwitchState(history: [change]))
        return Takeover(state: state, health: [ColorHealth(color: .blue, endpoints: endpoints)], drain: nil)
    }

    @Test func takesOverMessagesLargerThanAPacket() async throws {
        let (old, predecessor) = try line()
        let listening = Task { await predecessor.listen() }
        async let takeover = predecessor.takeOver()
        _ = try await next(old)
        let large = try Self.large()
        try await old.deliver(PredecessorMessage.takeOver(large), within: .seconds(60))
        #expect(try await takeover == large)
        old.close()
        listening.cancel()
    }

    @Test func failingToSendIsAnError() async throws {
        let (old, new) = try HandoverChannel.pair()
        let (channel, other) = (try HandoverChannel(old), try HandoverChannel(new))
        #expect(throws: HandoverChannel.Failure.self) {
            try channel.send(PredecessorMessage.takeOver(try Self.large()))
        }
        // Nobody reads, so short messages fill the line. After that, sending fails, at once or at its time limit.
        var sent = 0
        #expect(throws: HandoverChannel.Failure(description: "the other process doesn't read")) {
            while sent < 100_000 {
                try channel.send(SuccessorMessage.cancelDrain)
                sent += 1
            }
        }
        await #expect(throws: HandoverChannel.Failure(description: "the other process doesn't read")) {
            try await channel.deliver(SuccessorMessage.cancelDrain, within: .milliseconds(20))
        }
        // Everything sent before arrives whole, and so does the next message.
        other.listen()
        var messages = other.messages.makeAsyncIterator()
        for _ in 0..<sent { _ = await messages.next() }
        try await channel.deliver(SuccessorMessage.ready, within: .seconds(10))
        let last = try #require(await messages.next())
        #expect(try JSONCoding.decode(SuccessorMessage.self, from: last) == .ready)
    }

    /// A drain waits for calls that asked for their color, too, in whichever process they are.
    @Test func callsThatAskedForTheirColorAreToldApart() async throws {
        let (old, predecessor) = try line()
        let listening = Task { await predecessor.listen() }
        var report = TrafficReport()
        report.inFlight = [.init(epoch: 1, color: .blue, calls: 4)]
        report.askedFor = [.init(epoch: 1, color: .blue, calls: 2)]
        let traffic = CombinedTraffic(
            own: FixedTraffic(given: report), predecessors: [predecessor], limit: .seconds(60))
        async let both = traffic.report()
        guard case .report(let id) = try await next(old) else { throw Predecessor.Failure() }
        try old.send(PredecessorMessage.left(id: id, LeftBehind(report)))
        #expect(await both.inFlight(on: .blue, before: 2) == 8)
        #expect(await both.inFlight(on: .blue, before: 2, .all) == 12)
        let waiting = Task { await traffic.waitUntilDrained(.blue, before: 2, .all) }
        guard case .waitUntilDrained(let wait, .blue, 2, .all, _) = try await next(old) else {
            throw Predecessor.Failure()
        }
        try old.send(PredecessorMessage.drained(id: wait))
        #expect(await waiting.value)
        old.close()
        listening.cancel()
    }

    /// Earlier builds of the same version have no word for such calls: neither side takes that for a fault.
    @Test func buildsThatKnowNoCallsThatAskedForTheirColor() throws {
        var left = LeftBehind(TrafficReport())
        left.askedFor = nil
        let message = SuccessorMessage.waitUntilDrained(id: 1, color: .blue, epoch: 2, scope: nil, within: 30)
        let lines = (try JSONCoding.line(left), try JSONCoding.line(message))
        for line in [lines.0, lines.1] {
            let text = String(decoding: line, as: UTF8.self)
            #expect(!text.contains("asked") && !text.contains("scope"), "\(text)")
        }
        #expect(try JSONCoding.decode(LeftBehind.self, from: lines.0) == left)
        #expect(try JSONCoding.decode(SuccessorMessage.self, from: lines.1) == message)
    }

    @Test func predecessorThatDoesNotAnswer() async throws {
        let (old, predecessor) = try line()
        let listening = Task { await predecessor.listen() }
        let nothing = FixedTraffic(given: TrafficReport())
        let traffic = CombinedTraffic(own: nothing, predecessors: [predecessor], limit: .milliseconds(50))
        let patient = CombinedTraffic(own: nothing, predecessors: [predecessor], limit: .seconds(60))
        async let first = patient.report()
        guard case .report(let id) = try await next(old) else { throw Predecessor.Failure() }
        var elsewhere = TrafficReport()
        elsewhere.inFlight = [.init(epoch: 1, color: .blue, calls: 4)]
        elsewhere.colors.blue.drained = 6
        try old.send(PredecessorMessage.left(id: id, LeftBehind(elsewhere)))
        #expect(await first.unanswered == 0)

        // It falls silent: its last report counts, with a note that it doesn't answer.
        let silent = await traffic.report()
        #expect(silent.unanswered == 1)
        #expect(silent.inFlight == elsewhere.inFlight)
        #expect(silent.colors.blue.drained == 6)
        #expect(!silent.left(on: .blue, before: 2).isNone)
        #expect(!silent.left(on: .green, before: 2).isNone)
        guard case .report(let missed) = try await next(old) else { throw Predecessor.Failure() }
        // It isn't asked again for some time, so these reports return at once.
        for _ in 0..<100 { #expect(await patient.report().unanswered == 1) }
        // A wait for the end of its calls goes on: they may still be open.
        let drained = Task { await predecessor.waitUntilDrained(.blue, before: 2) }
        guard case .waitUntilDrained = try await next(old) else { throw Predecessor.Failure() }
        drained.cancel()
        #expect(await drained.value == false)

        // It comes back with an answer to a question that has been given up; from then on it is asked again.
        try old.send(PredecessorMessage.left(id: missed, LeftBehind(TrafficReport())))
        let answering = Task {
            for await bytes in old.messages {
                guard case .report(let id) = try JSONCoding.decode(SuccessorMessage.self, from: bytes) else { continue }
                try old.send(PredecessorMessage.left(id: id, LeftBehind(TrafficReport())))
            }
        }
        let deadline = ContinuousClock.now + .seconds(20)
        while await patient.report().unanswered > 0, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(5))
        }
        let answered = await patient.report()
        #expect(answered.unanswered == 0 && answered.inFlight.isEmpty)
        answering.cancel()
        old.close()
        listening.cancel()
    }

    /// Processes in different containers may have the same id, so the numbers don't come from it: no answer to one owner's
    /// question is taken for the answer to another's.
    @Test func ownersOfALineNumberTheirQuestionsApart() async throws {
        var ids: Set<UInt64> = []
        for _ in 0..<8 {
            let (old, predecessor) = try line()
            let asking = Task { await predecessor.report(within: .milliseconds(1)) }
            guard case .report(let id) = try await next(old) else { throw Predecessor.Failure() }
            ids.insert(id)
            _ = await asking.value
        }
        #expect(ids.count == 8)
    }

    @Test func asksAllAtOnce() async throws {
        let lines = try (0..<5).map { _ in try line() }
        let listening = Task {
            await withTaskGroup(of: Void.self) { group in
                for (_, predecessor) in lines { group.addTask { await predecessor.listen() } }
            }
        }
        let traffic = CombinedTraffic(
            own: FixedTraffic(given: TrafficReport()), predecessors: lines.map { $0.1 }, limit: .seconds(60))
        async let report = traffic.report()
        // No process answers until all have been asked.
        var ids: [UInt64] = []
        for (old, _) in lines.reversed() {
            guard case .report(let id) = try await next(old) else { throw Predecessor.Failure() }
            ids.append(id)
        }
        for ((old, _), id) in zip(lines.reversed(), ids) {
            try old.send(PredecessorMessage.left(id: id, LeftBehind(TrafficReport())))
        }
        #expect(await report.unanswered == 0)
        for (old, _) in lines { old.close() }
        listening.cancel()
    }

    @Test func addsUpCallsLeftInEarlierProcesses() async throws {
        let (old, predecessor) = try line()
        let listening = Task { await predecessor.listen() }
        var own = TrafficReport()
        own.inFlight = [.init(epoch: 2, color: .green, calls: 3)]
        own.colors.blue.drained = 1
        let traffic = CombinedTraffic(
            own: FixedTraffic(given: own), predecessors: [predecessor], limit: .seconds(60))
        async let report = traffic.report()
        guard case .report(let id) = try await next(old) else { throw Predecessor.Failure() }
        var elsewhere = TrafficReport()
        elsewhere.inFlight = [.init(epoch: 1, color: .blue, calls: 4), .init(epoch: 2, color: .green, calls: 5)]
        elsewhere.colors.blue.drained = 6
        try old.send(PredecessorMessage.left(id: id, LeftBehind(elsewhere)))
        let sum = await report
        #expect(sum.inFlight == [.init(epoch: 1, color: .blue, calls: 4), .init(epoch: 2, color: .green, calls: 8)])
        #expect(sum.colors.blue.drained == 7)

        // When the process is gone, its count of ended calls stays, and its open calls don't.
        old.close()
        withExtendedLifetime(old) {}
        listening.cancel()
        await listening.value
        let after = await traffic.report()
        #expect(after.inFlight == own.inFlight)
        #expect(after.colors.blue.drained == 7)
        #expect(traffic.predecessors.isEmpty)
    }

    @Test func waitsForCallsLeftInEarlierProcesses() async throws {
        let (old, predecessor) = try line()
        let listening = Task { await predecessor.listen() }
        let traffic = CombinedTraffic(own: FixedTraffic(given: TrafficReport()), predecessors: [predecessor])
        let waiting = Task { await traffic.waitUntilDrained(.blue, before: 2, .placed) }
        guard case .waitUntilDrained(let id, .blue, 2, .placed, 30) = try await next(old) else {
            throw Predecessor.Failure()
        }
        try old.send(PredecessorMessage.drained(id: id))
        #expect(await waiting.value)

        // A wait that is cancelled returns at once.
        let givenUp = Task { await traffic.waitUntilDrained(.blue, before: 3, .placed) }
        _ = try await next(old)
        givenUp.cancel()
        #expect(await givenUp.value == false)
        listening.cancel()
    }

    @Test func repeatsAnUnansweredQuestion() async throws {
        let (old, predecessor) = try line()
        let listening = Task { await predecessor.listen() }
        let waiting = Task { await predecessor.waitUntilDrained(.blue, before: 2, askingEvery: .milliseconds(20)) }
        guard case .waitUntilDrained(let lost, .blue, 2, .placed, 0.02) = try await next(old) else {
            throw Predecessor.Failure()
        }
        // A report of calls that are left is an answer, but doesn't end the wait.
        var report = TrafficReport()
        report.inFlight = [.init(epoch: 1, color: .blue, calls: 1)]
        guard case .waitUntilDrained(let second, _, _, _, _) = try await next(old) else { throw Predecessor.Failure() }
        try old.send(PredecessorMessage.left(id: second, LeftBehind(report)))
        guard case .waitUntilDrained(let third, _, _, _, _) = try await next(old) else { throw Predecessor.Failure() }
        #expect(Set([lost, second, third]).count == 3)
        try old.send(PredecessorMessage.drained(id: third))
        #expect(await waiting.value)
        listening.cancel()
    }

    /// A middle process waits for the calls of an older one, and then passes that one's line on to its own successor.
    /// From then on it can't learn about those calls, so it neither takes them for ended nor keeps waiting.
    @Test func processesPassedOnMayHaveCalls() async throws {
        // The line may end at this very moment, which mustn't be taken for the end of the process. 50 rounds are enough
        // to hit that.
        for _ in 0..<50 { try await passOn() }
    }

    private func passOn() async throws {
        let (old, predecessor) = try line()
        let listening = Task { await predecessor.listen() }
        let traffic = CombinedTraffic(own: FixedTraffic(given: TrafficReport()), predecessors: [predecessor])
        async let report = traffic.report()
        guard case .report(let id) = try await next(old) else { throw Predecessor.Failure() }
        var elsewhere = TrafficReport()
        elsewhere.inFlight = [.init(epoch: 1, color: .blue, calls: 4)]
        try old.send(PredecessorMessage.left(id: id, LeftBehind(elsewhere)))
        _ = await report
        let waiting = Task { await traffic.waitUntilDrained(.blue, before: 2, .placed) }
        guard case .waitUntilDrained = try await next(old) else { throw Predecessor.Failure() }
        traffic.passPredecessorsOn()
        #expect(await waiting.value == false)
        #expect(await traffic.waitUntilDrained(.blue, before: 2, .placed) == false)
        #expect(await traffic.report().left(on: .blue, before: 2) == .init(calls: 4, unanswered: 1))
        // The lines are gone: only the successor may give orders now.
        #expect(traffic.predecessors.isEmpty)
        await listening.value
        #expect(!predecessor.isGone)
    }

    @Test func predecessorThatNeverHandsOver() async throws {
        let (old, predecessor) = try line()
        let listening = Task { await predecessor.listen() }
        let limit = Duration.milliseconds(50)
        await #expect {
            try await predecessor.takeOver(within: limit)
        } throws: {
            "\($0)" == "the process to take over from has not handed over within \(limit)"
        }
        #expect(try await next(old) == .prepared(version: 3))
        listening.cancel()
    }

    @Test func predecessorThatGoesOnItself() async throws {
        let (old, predecessor) = try line()
        let listening = Task { await predecessor.listen() }
        let takeover = Task { try await predecessor.takeOver() }
        _ = try await next(old)
        #expect(!predecessor.isHungUp)
        try old.send(PredecessorMessage.refused(reason: "it is ending"))
        let failure = await #expect(throws: Predecessor.Failure.self) { try await takeover.value }
        #expect(failure?.description == "the process to take over from doesn't hand over: it is ending")
        old.hangUp()
        #expect(predecessor.isHungUp)
        await listening.value
        #expect(predecessor.failure.description == failure?.description, "it is remembered")
    }

    @Test func passesOrdersOn() async throws {
        let (old, predecessor) = try line()
        let traffic = CombinedTraffic(own: FixedTraffic(given: TrafficReport()), predecessors: [predecessor])
        traffic.endCalls(on: .green, before: 9, over: .milliseconds(1500))
        #expect(try await next(old) == .endCalls(color: .green, epoch: 9, spread: 1.5))
        traffic.cancelDrain()
        #expect(try await next(old) == .cancelDrain)
        traffic.shutDownPredecessors()
        #expect(try await next(old) == .shutDown)
    }

    @Test func messagesWaitWhileNobodyListens() async throws {
        let (old, new) = try HandoverChannel.pair()
        let (first, second) = (try HandoverChannel(old), try HandoverChannel(new))
        first.listen()
        await first.leave()
        try second.send(SuccessorMessage.ready)
        // A second end for the same line, as a later process would have it.
        let other = try HandoverChannel(old)
        other.listen()
        #expect(try await next(other) == .ready)
    }

    @Test func waitsForRoom() async throws {
        let (old, new) = try HandoverChannel.pair()
        let (channel, other) = (try HandoverChannel(old), try HandoverChannel(new))
        while (try? channel.send(SuccessorMessage.cancelDrain)) != nil {}
        let delivery = Task { try await channel.deliver(SuccessorMessage.ready, within: .seconds(3600)) }
        let given = Task { try await channel.deliver(SuccessorMessage.ready, within: .seconds(3600)) }
        given.cancel()
        await #expect(throws: HandoverChannel.Failure.self) { try await given.value }
        other.listen()
        try await delivery.value
        var last: SuccessorMessage?
        for await bytes in other.messages {
            last = try JSONCoding.decode(SuccessorMessage.self, from: bytes)
            if last == .ready { break }
        }
        #expect(last == .ready)
    }

    @Test func aClosedChannelWaitsForNothing() async throws {
        let (old, new) = try HandoverChannel.pair()
        let (channel, other) = (try HandoverChannel(old), try HandoverChannel(new))
        channel.listen()
        channel.close()
        for await _ in channel.messages {}
        // Both before and after its thread has ended.
        for _ in 0..<100 { await channel.leave() }
        while (try? channel.send(SuccessorMessage.cancelDrain)) != nil {}
        await #expect(throws: HandoverChannel.Failure(description: "the other process doesn't read")) {
            try await channel.deliver(SuccessorMessage.ready, within: .milliseconds(50))
        }
        withExtendedLifetime(other) {}
    }

    /// The system truncates a packet longer than any that may be sent. It is skipped, and the following one is read.
    @Test func packetThatIsTooLong() async throws {
        let (old, new) = try HandoverChannel.pair()
        let channel = try HandoverChannel(old)
        channel.listen()
        let longest = [UInt8](repeating: UInt8(ascii: " "), count: HandoverChannel.largestPacket + 1)
        unsafe #expect(send(new.number, longest, longest.count, Int32(MSG_NOSIGNAL)) == longest.count)
        let message = [UInt8](#"{"ready":{}}"#.utf8)
        unsafe #expect(send(new.number, message, message.count, Int32(MSG_NOSIGNAL)) == message.count)
        #expect(try await next(channel) == .ready)
    }
}

/// A data plane that does nothing.
private struct FixedTraffic: TrafficControl {
    var given: TrafficReport

    func publish(health: PerColor<[Bool]>) {}
    func report() async -> TrafficReport { given }
    func ownReport() async -> TrafficReport { given }
    func stepStatistics() async -> StepStatistics { StepStatistics() }
    func servedBefore() async -> StepStatistics { StepStatistics() }
    func endCalls(on color: Color, before epoch: UInt64, over spread: Duration) {}
    func cancelDrain() {}
    func publish(shadow: ShadowRule?) {}
    func waitUntilDrained(_ color: Color, before epoch: UInt64, _ scope: CallScope) async -> Bool { true }
}
