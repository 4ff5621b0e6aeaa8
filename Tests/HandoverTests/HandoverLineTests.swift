import ControlPlane
import DataPlane
import EventLoop
import Synchronization
import Testing

import Handover

/// Both ends of the line in one process.
@Suite struct HandoverLineTests {
    private static let change = Change(
        epoch: 1, action: .initial, from: nil, to: .blue, at: Timestamp(milliseconds: 0), who: "settings")

    /// The old process's end speaks for itself; the new one's is a `Predecessor`.
    private func line() throws -> (HandoverChannel, Predecessor) {
        let (old, new) = try HandoverChannel.pair()
        let channel = HandoverChannel(old)
        channel.listen()
        return (channel, Predecessor(new))
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
        #expect(try await next(old) == .prepared(version: SuccessorMessage.version))
        let given = Takeover(
            history: [Self.change],
            health: [
                ColorHealth(
                    color: .green,
                    endpoints: [
                        EndpointHealth(
                            endpoint: Endpoint(host: "::1", port: 1), state: .unhealthy,
                            since: Timestamp(milliseconds: 5))
                    ])
            ], drain: nil)
        old.send(PredecessorMessage.takeOver(given))
        #expect(try await takeover == given)
        predecessor.ready()
        #expect(try await next(old) == .ready)
        old.close()
        listening.cancel()
    }

    @Test func predecessorThatIsGone() async throws {
        let (old, new) = try HandoverChannel.pair()
        let predecessor = Predecessor(new)
        let listening = Task { await predecessor.listen() }
        let takeover = Task { try await predecessor.takeOver() }
        withExtendedLifetime(consume old) {}
        await #expect(throws: Predecessor.Failure.self) { try await takeover.value }
        await listening.value
        #expect(await predecessor.report() == nil)
        await predecessor.waitUntilDrained(.blue, before: 2)
        #expect(predecessor.isGone)
    }

    @Test func addsUpWhatIsLeftElsewhere() async throws {
        let (old, predecessor) = try line()
        let listening = Task { await predecessor.listen() }
        var own = TrafficReport()
        own.inFlight = [.init(epoch: 2, color: .green, calls: 3)]
        own.colors.blue.drained = 1
        let traffic = CombinedTraffic(own: FixedTraffic(given: own), predecessors: [predecessor])
        async let report = traffic.report()
        guard case .report(let id) = try await next(old) else { throw Predecessor.Failure() }
        var elsewhere = TrafficReport()
        elsewhere.inFlight = [.init(epoch: 1, color: .blue, calls: 4), .init(epoch: 2, color: .green, calls: 5)]
        elsewhere.colors.blue.drained = 6
        old.send(PredecessorMessage.left(id: id, LeftBehind(elsewhere)))
        let sum = await report
        #expect(sum.inFlight == [.init(epoch: 1, color: .blue, calls: 4), .init(epoch: 2, color: .green, calls: 8)])
        #expect(sum.colors.blue.drained == 7)

        // What has been ended there stays ended when the process is gone, and its calls don't.
        old.close()
        withExtendedLifetime(old) {}
        listening.cancel()
        predecessor.passOn()
        let after = await traffic.report()
        #expect(after.inFlight == own.inFlight)
        #expect(after.colors.blue.drained == 7)
        #expect(traffic.predecessors.isEmpty)
    }

    @Test func waitsForWhatIsLeftElsewhere() async throws {
        let (old, predecessor) = try line()
        let listening = Task { await predecessor.listen() }
        let traffic = CombinedTraffic(own: FixedTraffic(given: TrafficReport()), predecessors: [predecessor])
        let waiting = Task { await traffic.waitUntilDrained(.blue, before: 2) }
        guard case .waitUntilDrained(let id, .blue, 2) = try await next(old) else { throw Predecessor.Failure() }
        old.send(PredecessorMessage.drained(id: id))
        await waiting.value

        // One that is given up is over at once.
        let givenUp = Task { await traffic.waitUntilDrained(.blue, before: 3) }
        _ = try await next(old)
        givenUp.cancel()
        await givenUp.value
        listening.cancel()
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

    @Test func whatComesWhileNobodyListensWaits() async throws {
        let (old, new) = try HandoverChannel.pair()
        let (first, second) = (HandoverChannel(old), HandoverChannel(new))
        first.listen()
        first.leave()
        second.send(SuccessorMessage.ready)
        // Another process's end of the same line.
        let other = HandoverChannel(old)
        other.listen()
        #expect(try await next(other) == .ready)
    }
}

/// A data plane that does nothing.
private struct FixedTraffic: TrafficControl {
    var given: TrafficReport

    func publish(health: PerColor<[Bool]>) {}
    func report() async -> TrafficReport { given }
    func endCalls(on color: Color, before epoch: UInt64, over spread: Duration) {}
    func cancelDrain() {}
    func waitUntilDrained(_ color: Color, before epoch: UInt64) async {}
}
