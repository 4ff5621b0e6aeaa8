import CNghttp2
import DataPlane
import EventLoop
import Glibc
import Ground
import Synchronization
import TestSupport

/// A worker among clients and backends that the simulation plays, with a clock that it moves: what happens, and in which
/// order, a seed decides alone. After each turn the worker is looked at, and what peers get is compared with what was sent.
///
/// After a number of steps everybody cooperates. Then every call has to end, the worker has to be as good as new, and
/// nothing may be left once it has ended.
final class Simulation {
    struct Outcome {
        var violations: [String]
        /// The same for the same seed, whenever it is played.
        var sum: UInt64
        var lines: [String]
    }

    /// How an endpoint answers those who connect.
    private enum Mode: CaseIterable {
        case up
        /// The system refuses at once.
        case down
        /// Refuses after a while.
        case refusing
        /// Takes its time.
        case slow
        /// Takes connections, and says nothing.
        case mute
    }

    private struct Pending {
        var socket: FileDescriptor
        var noise: Int
        var color: Color
        var isRefused: Bool
    }

    /// Somebody waits for a drain.
    private final class Wait: Sendable {
        let color: Color
        let epoch: UInt64
        let isOver = Atomic(false)

        init(_ color: Color, before epoch: UInt64) {
            (self.color, self.epoch) = (color, epoch)
        }
    }

    private var random: SplitMix
    private let journal: Journal
    private let scenario: Scenario
    private let time = HeldTime()
    private let word: RouteWord
    private var words: [Route]
    private var worker: SteppedWorker?
    private var modes: PerColor<[Mode]>
    private var pending: [Pending] = []
    private var clients: [SimulatedClient] = []
    private var backends: [SimulatedBackend] = []
    private var calls: [CallRecord] = []
    private var waits: [Wait] = []
    private var waitCount: UInt64 = 0
    private var names = 0
    private var isCooperating = false
    private var hasLeft: Wait?
    /// What the last drain has to have ended, and when.
    private var drained: (color: Color, epoch: UInt64, end: MonotonicTime)?

    private init(seed: UInt64, keepsLines: Bool) throws {
        random = SplitMix(seed: seed)
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
        worker = try SteppedWorker(
            configuration: DataPlaneConfiguration(
                endpoints: endpoints, workers: 1, limits: scenario.limits, failover: scenario.failover),
            routeWord: word, surroundings: surroundings, log: { _ in })
        journal.note { "\(scenario)" }
    }

    /// Plays what a seed decides.
    static func play(_ seed: UInt64, keepsLines: Bool = false) throws -> Outcome {
        let simulation = try Simulation(seed: seed, keepsLines: keepsLines)
        simulation.play()
        let journal = simulation.journal
        return Outcome(violations: journal.violations, sum: journal.sum, lines: journal.lines)
    }

    private var isSound: Bool { journal.violations.isEmpty }

    private func play() {
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

    private func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    private func chance(_ percent: Int) -> Bool { number(0...99) < percent }

    private func one<Element>(of elements: [Element]) -> Element? { elements.randomElement(using: &random) }

    /// Small ones as well as such that are beyond every window.
    private func bodySize() -> Int {
        switch number(0...9) {
        case 0...2: 0
        case 3...6: number(1...500)
        case 7, 8: number(500...20_000)
        default: number(20_000...120_000)
        }
    }

    // MARK: Turns

    private func turn() {
        guard let worker else { return }
        worker.turn()
        for fault in worker.faults() { journal.violated(fault) }
        checkWaits(worker.report())
        if let drained, time.now >= drained.end {
            let left = worker.unanswered(on: drained.color, before: drained.epoch)
            journal.expect(left == 0, "a drain ends its calls in time: \(left) are left")
        }
    }

    /// - Returns: whether anybody has sent or received anything.
    @discardableResult
    private func pump() -> Bool {
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

    private func moveTime() {
        switch number(0...99) {
        // No two turns are at the same time.
        case 0..<50: time.advance(by: .microseconds(1))
        case 50..<75: time.advance(by: .microseconds(number(1...3_000)))
        case 75..<92: time.advance(by: .milliseconds(number(1...120)))
        case 92..<97: moveToNextTimer()
        default: time.advance(by: .milliseconds(number(100...3_000)))
        }
    }

    private func moveToNextTimer() {
        if let next = worker?.nextDeadline { time.advance(by: next.since(time.now)) }
    }

    // MARK: What happens

    private func act() {
        let action = number(0...99)
        if scenario.kind == .flawless {
            switch action {
            case 0..<6: addClient()
            case 6..<45: startCall()
            case 45..<60: clientGoesOn()
            case 60..<75: backendGoesOn()
            case 75..<85: someoneReads()
            case 85..<90: changePace()
            case 90..<93: switchColor()
            case 93..<96: changeSettings()
            case 96..<98: awaitDrain()
            default: publishHealth()
            }
            return
        }
        switch action {
        case 0..<6: addClient()
        case 6..<36: startCall()
        case 36..<46: clientGoesOn()
        case 46..<58: backendGoesOn()
        case 58..<66: someoneReads()
        case 66..<70: changePace()
        case 70..<74: cancelCall()
        case 74..<78: backendFails()
        case 78: if let client = one(of: clients) { client.leave() }
        case 79: if let backend = one(of: backends) { backend.breakOff() }
        case 80, 81: if let backend = one(of: backends) { backend.announceEnd() }
        case 82..<85: changeMode()
        case 85..<88: settlePending()
        case 88..<91: switchColor()
        case 91..<93: changeSettings()
        case 93: drain()
        case 94: awaitDrain()
        case 95: publishHealth()
        case 96: cancelDrain()
        case 97: changeLimits()
        case 98: ping()
        default: endCallsOfShutdown()
        }
    }

    private func addClient() {
        guard clients.count < scenario.mostClients, let worker else { return }
        let window = one(of: [65_535, 65_535, 1_000])!
        add(to: worker, peer: number(1...3), window: window)
    }

    private func add(to worker: SteppedWorker, peer: Int, window: Int) {
        names += 1
        guard let ends = try? SocketEnds(sendBuffer: scenario.sendBuffer) else { return journal.violated("no sockets") }
        clients.append(
            SimulatedClient(
                "client \(names)", ends.mine, settings: [(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window)], journal))
        let address = SocketAddress(family: .ipv4, bytes: [10, 0, 0, UInt8(peer)], port: UInt16(names))
        journal.note { "client \(names) connects" }
        worker.adopt(ends.workers, from: address)
    }

    private func startCall() {
        guard let client = one(of: clients.filter(\.takesCalls)) else { return }
        start(on: client, size: bodySize(), isGRPC: chance(80))
    }

    private func start(on client: SimulatedClient, size: Int, isGRPC: Bool, isProbe: Bool = false) {
        let call = CallRecord(id: calls.count, isGRPC: isGRPC, uploadSize: size, firstWord: words.count - 1)
        calls.append(call)
        call.ends = isProbe || chance(85)
        call.ready = isProbe || chance(60) ? size : 0
        var deadline: String?
        if !isProbe, isGRPC, scenario.kind != .flawless, chance(12) {
            call.excuses.insert(.deadline)
            deadline = one(of: ["1m", "20m", "200m", "1500m", "2S", "100000u"])
        }
        client.start(call, deadline: deadline)
    }

    private var openCalls: [(client: SimulatedClient, call: CallRecord)] {
        clients.flatMap { client in client.openCalls.map { (client, $0) } }
    }

    private var openAttempts: [(backend: SimulatedBackend, attempt: Attempt)] {
        backends.flatMap { backend in backend.openAttempts.map { (backend, $0) } }
    }

    private func clientGoesOn() {
        guard let (client, call) = one(of: openCalls.filter { !$0.call.hasEnded }) else { return }
        call.ends = call.ends || chance(50)
        client.provide(chance(50) ? call.uploadSize : number(1...5_000), of: call)
    }

    private func backendGoesOn() {
        guard let (backend, attempt) = one(of: openAttempts.filter { !$0.attempt.hasEnded }) else { return }
        if case .hold = attempt.plan { attempt.plan = .answer(size: bodySize(), early: chance(20)) }
        backend.provide(chance(50) ? 1 << 20 : number(1...5_000), of: attempt)
    }

    private func someoneReads() {
        if chance(50) {
            guard let (client, call) = one(of: openCalls.filter { $0.call.unread > 0 }) else { return }
            client.read(call, chance(50) ? call.unread : number(1...2_000))
        } else {
            guard let (backend, attempt) = one(of: openAttempts.filter { $0.attempt.unread > 0 }) else { return }
            backend.read(attempt, chance(50) ? attempt.unread : number(1...2_000))
        }
    }

    private func changePace() {
        switch number(0...5) {
        case 0: if let client = one(of: clients) { client.isReading.toggle() }
        case 1: if let client = one(of: clients) { client.isWriting.toggle() }
        case 2: if let client = one(of: clients) { client.isEager.toggle() }
        case 3: if let backend = one(of: backends) { backend.isReading.toggle() }
        case 4: if let backend = one(of: backends) { backend.isWriting.toggle() }
        default: if let backend = one(of: backends) { backend.isEager.toggle() }
        }
    }

    private func cancelCall() {
        guard let (client, call) = one(of: openCalls) else { return }
        client.cancel(call, UInt32(one(of: [NGHTTP2_CANCEL, NGHTTP2_CANCEL, NGHTTP2_NO_ERROR])!.rawValue))
    }

    private func backendFails() {
        guard let (backend, attempt) = one(of: openAttempts.filter { !$0.attempt.hasEnded }) else { return }
        backend.fail(attempt, resetCode())
    }

    private func resetCode() -> UInt32 {
        UInt32(one(of: [NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_ENHANCE_YOUR_CALM])!.rawValue)
    }

    private func changeMode() {
        let color: Color = chance(50) ? .blue : .green
        let index = number(0...(modes[color].count - 1))
        modes[color][index] = chance(60) ? .up : one(of: Mode.allCases)!
        journal.note { "\(color) \(index) is \(modes[color][index])" }
    }

    private func switchColor() {
        let last = words[words.count - 1]
        let route = Route(epoch: last.epoch + 1, active: chance(80) ? last.active.other : last.active)
        words.append(route)
        word.store(route)
        journal.note { "switch to \(route.active), epoch \(route.epoch)" }
    }

    private func changeSettings() {
        let window = (NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, one(of: [1_000, 10_000, 65_535])!)
        if chance(40) {
            one(of: clients)?.submit([window])
        } else {
            // Calls that cross it are refused, and some of them twice.
            let most = scenario.kind == .flawless ? 100 : one(of: [1, 2, 10, 100])!
            let streams = (NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, most)
            one(of: backends)?.submit(chance(50) ? [streams] : [streams, window])
        }
    }

    private func publishHealth() {
        let health = PerColor { color in modes[color].map { _ in chance(80) } }
        worker?.publish(health: health)
    }

    private func changeLimits() {
        var limits = scenario.limits
        limits.maxReplayBytes = one(of: [0, 1_000, 65_536])!
        limits.maxUpstreamStreams = one(of: [1, 3, 100])!
        if scenario.kind == .tight { limits.maxBufferedBytes = one(of: [60_000, 256 << 20])! }
        worker?.publish(limits: limits, failover: scenario.failover)
    }

    private func ping() {
        guard let client = one(of: clients) else { return }
        unsafe nghttp2_submit_ping(client.session, 0, nil)
    }

    private func settlePending() {
        guard !pending.isEmpty else { return }
        settle(pending.remove(at: number(0...(pending.count - 1))))
    }

    // MARK: Drains and the end

    private func drain() {
        let color: Color = chance(70) ? words[words.count - 1].active.other : words[words.count - 1].active
        let epoch = words[words.count - 1].epoch
        for call in calls where call.outcome == .open {
            let isThere = words[call.firstWord...].contains { $0.active == color && $0.epoch < epoch }
            if isThere || scenario.failover { call.excuses.insert(.drained) }
        }
        journal.note { "\(color) is drained before epoch \(epoch)" }
        let spread = Duration.milliseconds(one(of: [0, 50, 1_000])!)
        drained = (color, epoch, time.now + spread)
        worker?.endCalls(on: color, before: epoch, over: spread)
    }

    private func cancelDrain() {
        drained = nil
        worker?.cancelDrain()
    }

    private func awaitDrain() {
        let wait = Wait(chance(50) ? .blue : .green, before: words[words.count - 1].epoch)
        waits.append(wait)
        waitCount += 1
        worker?.wait(waitCount, untilDrained: wait.color, before: wait.epoch) {
            wait.isOver.store(true, ordering: .relaxed)
        }
    }

    private func checkWaits(_ report: TrafficReport) {
        waits.removeAll { wait in
            let isDrained = !report.inFlight.contains { $0.color == wait.color && $0.epoch < wait.epoch }
            let isOver = wait.isOver.load(ordering: .relaxed)
            journal.expect(isOver == isDrained, "who waits for \(wait.color) is told when it is drained")
            return isOver
        }
    }

    private func beginShutdown() {
        let wait = Wait(.blue, before: 0)
        hasLeft = wait
        journal.note { "shutdown" }
        worker?.beginShutdown { wait.isOver.store(true, ordering: .relaxed) }
    }

    private func endCallsOfShutdown() {
        guard hasLeft != nil else { return }
        for call in calls where call.outcome == .open { call.excuses.insert(.shutdown) }
        journal.note { "calls are ended" }
        _ = worker?.endCalls()
    }

    // MARK: Backends

    private static func port(_ color: Color, _ index: Int) -> UInt16 {
        1_000 * (UInt16(color.rawValue) + 1) + UInt16(index)
    }

    private func connect(to address: SocketAddress) throws(SystemError) -> Socket {
        let color: Color = address.port < 2_000 ? .blue : .green
        let mode = isCooperating ? .up : modes[color][Int(address.port % 1_000)]
        if case .down = mode { throw SystemError(operation: "connect \(address)", code: ECONNREFUSED) }
        let ends: SocketEnds
        do {
            ends = try SocketEnds(sendBuffer: scenario.sendBuffer)
        } catch {
            throw SystemError(operation: "socketpair", code: EMFILE)
        }
        journal.note { "the Proxy connects to \(color) \(address.port % 1_000), which is \(mode)" }
        switch mode {
        case .slow, .refusing:
            let isRefused = if case .refusing = mode { true } else { false }
            pending.append(Pending(socket: ends.mine, noise: ends.fill(), color: color, isRefused: isRefused))
        case .up, .down, .mute:
            let backend = addBackend(ends.mine, color, noise: 0)
            if case .mute = mode { (backend.isReading, backend.isWriting) = (false, false) }
        }
        return ends.workers
    }

    private func settle(_ one: Pending) {
        // The socket closes as nobody keeps it.
        if one.isRefused, !isCooperating { return }
        addBackend(one.socket, one.color, noise: one.noise)
    }

    @discardableResult
    private func addBackend(_ socket: FileDescriptor, _ color: Color, noise: Int) -> SimulatedBackend {
        names += 1
        var settings = [(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, one(of: [1, 3, 100])!)]
        if chance(40) { settings.append((NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, one(of: [1_000, 10_000])!)) }
        let control = SimulatedBackend.Control(
            call: { [unowned self] id in calls.indices.contains(id) ? calls[id] : nil },
            plan: { [unowned self] in plan(of: $0) },
            isRight: { [unowned self] color, call in
                scenario.failover || words[call.firstWord...].contains { $0.active == color }
            })
        let backend = SimulatedBackend(
            "\(color) \(names)", color, socket, noise: noise, settings: settings, control, journal)
        backends.append(backend)
        return backend
    }

    private func plan(of call: CallRecord) -> (Attempt.Plan, ready: Int, grpcStatus: Int) {
        let grpcStatus = chance(70) ? 0 : one(of: [3, 5, 9])!
        let ready = chance(60) ? 1 << 20 : 0
        let answer = Attempt.Plan.answer(size: bodySize(), early: chance(25))
        guard !isCooperating, scenario.kind != .flawless else { return (answer, ready, grpcStatus) }
        let plan: Attempt.Plan =
            switch number(0...19) {
            case 0: .refuse
            case 1: .reset(resetCode(), afterHead: false, bytes: 0)
            case 2: .reset(resetCode(), afterHead: true, bytes: number(0...20_000))
            case 3, 4: .trailersOnly
            case 5, 6: .hold
            default: answer
            }
        return (plan, ready, grpcStatus)
    }

    // MARK: Everybody cooperates

    private func cooperate() {
        isCooperating = true
        while let last = pending.popLast() { settle(last) }
        worker?.publish(health: PerColor { color in modes[color].map { _ in true } })
        let window = (NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 65_535)
        for client in clients { client.submit([window]) }
        for backend in backends { backend.submit([(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100), window]) }
    }

    /// Goes on until every call has ended.
    private func finish() {
        let end = time.now + .seconds(100)
        while isSound, time.now < end, calls.contains(where: { $0.outcome == .open }) { round() }
        for call in calls where call.outcome == .open { journal.violated("\(call.name) never ends") }
        settle()
    }

    private func round() {
        journal.step += 1
        for client in clients { client.cooperate() }
        for backend in backends { backend.cooperate() }
        let hasMoved = pump()
        time.advance(by: .microseconds(1))
        turn()
        if !hasMoved {
            moveToNextTimer()
            turn()
        }
    }

    /// Lets everything arrive that is on its way.
    private func settle() {
        for _ in 0..<12 where isSound {
            round()
            turn()
        }
    }

    private func checkCalls() {
        for call in calls where isSound && scenario.kind != .tight && call.excuses.isEmpty {
            if let attempt = call.attempts.last(where: \.hasEnded) {
                journal.expect(
                    call.outcome == .complete && call.answering === attempt && call.endIsBackends,
                    "\(call.name) has its backend's answer, which is complete")
            } else if let attempt = call.attempts.last, let code = attempt.resetCode,
                code != UInt32(NGHTTP2_REFUSED_STREAM.rawValue)
            {
                journal.expect(
                    call.outcome == .reset(code) && call.received == attempt.sent,
                    "\(call.name) ends as its backend has ended it, behind all that came before: \(call.outcome)")
            }
            if scenario.kind == .flawless {
                journal.expect(call.endIsBackends, "\(call.name) has an answer where nobody fails")
            }
        }
    }

    /// The worker is as good as new: whoever comes is served, and windows are whole.
    private func checkThatAllIsWell() {
        guard let worker else { return }
        checkWindows()
        journal.note { "all is well?" }
        add(to: worker, peer: 99, window: 65_535)
        let newcomer = clients[clients.count - 1]
        let first = calls.count
        // Beyond the window, if there is memory for that.
        let size = scenario.kind == .tight ? 5_000 : 3 * scenario.limits.streamWindow
        start(on: newcomer, size: size, isGRPC: true, isProbe: true)
        if scenario.kind != .tight {
            start(on: newcomer, size: 10, isGRPC: false, isProbe: true)
            for client in clients where client.takesCalls { start(on: client, size: 10, isGRPC: true, isProbe: true) }
        }
        finish()
        for call in calls[first...] {
            journal.expect(
                call.outcome == .complete && call.endIsBackends, "\(call.name) is served once everybody cooperates")
        }
        checkWindows()
    }

    /// What a connection may send without further credit is no less than half of it: later, credit comes.
    private func checkWindows() {
        let peers: [SimulatedPeer] = clients + backends
        for peer in peers where peer.isOpen {
            let window = unsafe Int(nghttp2_session_get_remote_window_size(peer.session))
            journal.expect(window > 65_535 / 2, "\(peer.name) has its credit back: \(window) bytes")
        }
    }

    private func end() {
        if hasLeft == nil { beginShutdown() }
        let end = time.now + .seconds(30)
        while isSound, time.now < end, hasLeft?.isOver.load(ordering: .relaxed) != true { round() }
        journal.expect(hasLeft?.isOver.load(ordering: .relaxed) == true, "the last client leaves")
        worker?.stop()
        settle()
        for leftover in worker?.leftovers() ?? [] { journal.violated("at the end there are \(leftover)") }
        weak let identity = worker?.identity
        worker = nil
        journal.expect(identity == nil, "nobody holds on to a worker that has ended")
    }
}
