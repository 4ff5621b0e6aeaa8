import CNghttp2
import DataPlane
import EventLoop
import Glibc
import Ground
import Synchronization
import TestSupport

/// A worker among simulated clients and backends, by a simulated clock. The seed alone decides what happens, and in
/// which order. After each turn the worker's invariants are checked, and what each peer gets is compared with what was
/// sent.
///
/// After a number of steps everybody cooperates. Then every call has to end, the worker has to serve newcomers as if
/// nothing had happened, and nothing may be left once it has ended.
final class Simulation {
    struct Outcome {
        var violations: [String]
        /// Checksum over every byte and step: the same each time a seed is played.
        var sum: UInt64
        var lines: [String]
    }

    /// How an endpoint treats new connections.
    enum Mode: CaseIterable {
        case up
        /// Refuses at once.
        case down
        /// Refuses some time after the attempt.
        case refusing
        /// Accepts some time after the attempt.
        case slow
        /// Accepts, then neither reads nor writes.
        case mute
    }

    struct Pending {
        var socket: FileDescriptor
        var noise: Int
        var color: Color
        var isRefused: Bool
    }

    /// Somebody who waits until the calls of earlier epochs are gone from a color.
    final class Wait: Sendable {
        let color: Color
        let epoch: UInt64
        let scope: CallScope
        let isOver = Atomic(false)

        init(_ color: Color, before epoch: UInt64, _ scope: CallScope = .placed) {
            (self.color, self.epoch, self.scope) = (color, epoch, scope)
        }
    }

    var random: SplitMix
    /// What a shadow step copies; `nil` if nothing is ever copied in this run.
    var copying: SimulatedCopying?
    let journal: Journal
    let scenario: Scenario
    let time = HeldTime()
    let word: RouteWord
    var words: [Route]
    var worker: SteppedWorker?
    var modes: PerColor<[Mode]>
    var pending: [Pending] = []
    var clients: [SimulatedClient] = []
    var backends: [SimulatedBackend] = []
    var calls: [CallRecord] = []
    var waits: [Wait] = []
    var waitCount: UInt64 = 0
    var names = 0
    var isCooperating = false
    var hasLeft: Wait?
    /// Calls that the latest drain has to end, and the time by which it has to.
    var drained: (color: Color, epoch: UInt64, end: MonotonicTime)?

    init(seed: UInt64, keepsLines: Bool) throws {
        random = SplitMix(seed: seed)
        copying = SimulatedCopying(seed: seed)
        journal = Journal(keepsLines: keepsLines)
        scenario = Scenario(using: &random)
        let first = Route(epoch: 1, active: Bool.random(using: &random) ? .blue : .green)
        word = try RouteWord(first)
        words = [first]
        let counts = scenario.endpoints
        modes = PerColor { [Mode](repeating: .up, count: counts[$0]) }
        var surroundings = Surroundings()
        surroundings.time = .held(time)
        surroundings.random = SplitMix(seed: random.next())
        surroundings.connect = { [unowned self] address throws(SystemError) in try connect(to: address) }
        let endpoints = PerColor { color in
            (0..<counts[color]).map { Endpoint(host: "127.0.0.1", port: Self.port(color, $0)) }
        }
        let outcomes = copying?.outcomes
        let takeCopies: @Sendable ([CopyOutcome]) -> Void = { outcomes?.take($0) }
        worker = try SteppedWorker(
            configuration: DataPlaneConfiguration(
                endpoints: endpoints, workers: 1, limits: scenario.limits, failover: scenario.failover,
                routeMetadata: SimulatedClient.routeMetadata, announces: scenario.announces,
                stickyKey: .metadata(SimulatedClient.stickyMetadata), copies: copying?.settings ?? CopySettings()),
            routeWord: word, surroundings: surroundings, takeCopies: takeCopies,
            log: { _ in })
        copyCalls(first)
        journal.note { "\(scenario)" }
    }

    /// Plays one seed from beginning to end.
    static func play(_ seed: UInt64, keepsLines: Bool = false) throws -> Outcome {
        let simulation = try Simulation(seed: seed, keepsLines: keepsLines)
        simulation.play()
        let journal = simulation.journal
        return Outcome(violations: journal.violations, sum: journal.sum, lines: journal.lines)
    }

    var isSound: Bool { journal.violations.isEmpty }

    func play() {
        for step in 0..<scenario.steps where isSound {
            journal.step = step
            if step == scenario.shutdown { beginShutdown() }
            for _ in 0..<number(1...3) { act() }
            pump()
            turn()
            moveTime()
        }
        guard isSound else { return }
        journal.note { "everybody cooperates" }
        cooperate()
        finish()
        checkCalls()
        if isSound, scenario.shutdown == nil { checkThatAllIsWell() }
        if isSound { end() }
    }

    // MARK: Chance

    func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    func chance(_ percent: Int) -> Bool { number(0...99) < percent }

    func one<Element>(of elements: [Element]) -> Element? { elements.randomElement(using: &random) }

    /// Sizes from nothing to more than any window has room for.
    func bodySize() -> Int {
        switch number(0...9) {
        case 0...2: 0
        case 3...6: number(1...500)
        case 7, 8: number(500...20_000)
        default: number(20_000...120_000)
        }
    }

    // MARK: Turns

    func turn() {
        guard let worker else { return }
        worker.turn()
        for fault in worker.faults() { journal.violated(fault) }
        checkWaits(worker.report())
        if let drained, time.now >= drained.end {
            let left = worker.unanswered(on: drained.color, before: drained.epoch)
            journal.expect(left == 0, "a drain ends its calls in time: \(left) are left")
        }
    }

    /// - Returns: whether any peer has sent or received anything.
    @discardableResult
    func pump() -> Bool {
        var hasMoved = false
        let peers: [SimulatedPeer] = clients + backends
        for peer in peers {
            let most = !isCooperating && chance(15) ? number(1...200) : 1 << 20
            if peer.isReading, peer.receive(atMost: most) { hasMoved = true }
            if peer.isWriting, peer.send(atMost: most) { hasMoved = true }
        }
        clients.removeAll { !$0.isOpen }
        backends.removeAll { !$0.isOpen }
        return hasMoved
    }

    func moveTime() {
        switch number(0...99) {
        // The clock always moves, so no two turns are at the same time.
        case 0..<50: time.advance(by: .microseconds(1))
        case 50..<75: time.advance(by: .microseconds(number(1...3_000)))
        case 75..<92: time.advance(by: .milliseconds(number(1...120)))
        case 92..<97: moveToNextTimer()
        default: time.advance(by: .milliseconds(number(100...3_000)))
        }
    }

    func moveToNextTimer() {
        if let next = worker?.nextDeadline { time.advance(by: next.since(time.now)) }
    }
}
