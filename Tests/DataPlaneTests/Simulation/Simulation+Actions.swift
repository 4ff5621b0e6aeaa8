import Connections
import CNghttp2
import DataPlane
import EventLoop

/// What clients, backends and the operator do of their own accord, one action at a time.
extension Simulation {
    func act() {
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

    func addClient() {
        guard clients.count < scenario.mostClients, let worker else { return }
        let window = one(of: [65_535, 65_535, 1_000])!
        add(to: worker, peer: number(1...3), window: window)
    }

    func add(to worker: SteppedWorker, peer: Int, window: Int) {
        names += 1
        guard let ends = try? SocketEnds(sendBuffer: scenario.sendBuffer) else { return journal.violated("no sockets") }
        let door: Door = chance(15) ? .preview : .main
        clients.append(
            SimulatedClient(
                "client \(names)", by: door, ends.mine,
                settings: [(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window)], journal))
        let address = SocketAddress(family: .ipv4, bytes: [10, 0, 0, UInt8(peer)], port: UInt16(names))
        journal.note { "client \(names) connects, \(door)" }
        worker.adopt(ends.workers, from: address, by: door)
    }

    func startCall() {
        guard let client = one(of: clients.filter(\.takesCalls)) else { return }
        start(on: client, size: bodySize(), isGRPC: chance(80))
    }

    func start(on client: SimulatedClient, size: Int, isGRPC: Bool, isProbe: Bool = false) {
        var wish: ColorWish = client.door == .preview ? .preview : .none
        if case .main = client.door, chance(10) {
            wish = .metadata(one(of: [.color(.blue), .color(.green), .active, .idle])!)
        }
        let call = CallRecord(
            id: calls.count, isGRPC: isGRPC, uploadSize: size, firstWord: words.count - 1, wish: wish,
            key: chance(70) ? "user \(number(1...5))" : nil)
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

    var openCalls: [(client: SimulatedClient, call: CallRecord)] {
        clients.flatMap { client in client.openCalls.map { (client, $0) } }
    }

    var openAttempts: [(backend: SimulatedBackend, attempt: Attempt)] {
        backends.flatMap { backend in backend.openAttempts.map { (backend, $0) } }
    }

    func clientGoesOn() {
        guard let (client, call) = one(of: openCalls.filter { !$0.call.hasEnded }) else { return }
        call.ends = call.ends || chance(50)
        client.provide(chance(50) ? call.uploadSize : number(1...5_000), of: call)
    }

    func backendGoesOn() {
        guard let (backend, attempt) = one(of: openAttempts.filter { !$0.attempt.hasEnded }) else { return }
        if case .hold = attempt.plan { attempt.plan = .answer(size: bodySize(), early: chance(20)) }
        backend.provide(chance(50) ? 1 << 20 : number(1...5_000), of: attempt)
    }

    func someoneReads() {
        if chance(50) {
            guard let (client, call) = one(of: openCalls.filter { $0.call.unread > 0 }) else { return }
            client.read(call, chance(50) ? call.unread : number(1...2_000))
        } else {
            guard let (backend, attempt) = one(of: openAttempts.filter { $0.attempt.unread > 0 }) else { return }
            backend.read(attempt, chance(50) ? attempt.unread : number(1...2_000))
        }
    }

    func changePace() {
        switch number(0...5) {
        case 0: if let client = one(of: clients) { client.isReading.toggle() }
        case 1: if let client = one(of: clients) { client.isWriting.toggle() }
        case 2: if let client = one(of: clients) { client.isEager.toggle() }
        case 3: if let backend = one(of: backends) { backend.isReading.toggle() }
        case 4: if let backend = one(of: backends) { backend.isWriting.toggle() }
        default: if let backend = one(of: backends) { backend.isEager.toggle() }
        }
    }

    func cancelCall() {
        guard let (client, call) = one(of: openCalls) else { return }
        client.cancel(call, UInt32(one(of: [NGHTTP2_CANCEL, NGHTTP2_CANCEL, NGHTTP2_NO_ERROR])!.rawValue))
    }

    func backendFails() {
        guard let (backend, attempt) = one(of: openAttempts.filter { !$0.attempt.hasEnded }) else { return }
        backend.fail(attempt, resetCode())
    }

    func resetCode() -> UInt32 {
        UInt32(one(of: [NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_ENHANCE_YOUR_CALM])!.rawValue)
    }

    func changeMode() {
        let color: Color = chance(50) ? .blue : .green
        let index = number(0...(modes[color].count - 1))
        modes[color][index] = chance(60) ? .up : one(of: Mode.allCases)!
        journal.note { "\(color) \(index) is \(modes[color][index])" }
    }

    func switchColor() {
        let last = words[words.count - 1]
        var route = Route(epoch: last.epoch + 1, active: chance(80) ? last.active.other : last.active)
        if chance(40) {
            // A step of a release: another share, and a new secret if it is the first.
            if last.share == .none { word.set(secret: ShareSecret(random.next(), random.next())) }
            route = Route(
                epoch: last.epoch + 1, active: last.active,
                share: Share(parts: one(of: [1, 500, 2_500, 5_000, 9_500, 10_000])!))
        }
        words.append(route)
        word.store(route)
        copyCalls(route)
        journal.note { "\(route.active), share \(route.share.parts), epoch \(route.epoch)" }
    }

    func changeSettings() {
        let window = (NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, one(of: [1_000, 10_000, 65_535])!)
        if chance(40) {
            one(of: clients)?.submit([window])
        } else {
            // Calls already on their way when the limit falls are refused, some of them twice.
            let most = scenario.kind == .flawless ? 100 : one(of: [1, 2, 10, 100])!
            let streams = (NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, most)
            one(of: backends)?.submit(chance(50) ? [streams] : [streams, window])
        }
    }

    func publishHealth() {
        var health = PerColor { color in modes[color].map { _ in chance(80) } }
        // Calls don't wait long for an endpoint whose checks fail, so each color keeps one where no call may fail.
        if scenario.kind == .flawless { for color in Color.allCases { health[color][0] = true } }
        worker?.publish(health: health)
    }

    func changeLimits() {
        var limits = scenario.limits
        limits.maxReplayBytes = one(of: [0, 1_000, 65_536])!
        limits.maxUpstreamStreams = one(of: [1, 3, 100])!
        if scenario.kind == .tight { limits.maxBufferedBytes = one(of: [60_000, 256 << 20])! }
        worker?.publish(limits: limits, failover: scenario.failover)
    }

    func ping() {
        guard let client = one(of: clients) else { return }
        client.ping()
    }

    func settlePending() {
        guard !pending.isEmpty else { return }
        settle(pending.remove(at: number(0...(pending.count - 1))))
    }
}
