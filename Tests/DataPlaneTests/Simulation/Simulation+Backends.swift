import CNghttp2
import DataPlane
import EventLoop
import Glibc
import Ground

/// The backends that the worker connects to, and what each means to do with a call.
extension Simulation {
    static func port(_ color: Color, _ index: Int) -> UInt16 {
        1_000 * (UInt16(color.rawValue) + 1) + UInt16(index)
    }

    func connect(to address: SocketAddress) throws(SystemError) -> Socket {
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

    func settle(_ one: Pending) {
        // The socket closes, because nothing holds it any more.
        if one.isRefused, !isCooperating { return }
        addBackend(one.socket, one.color, noise: one.noise)
    }

    @discardableResult
    func addBackend(_ socket: FileDescriptor, _ color: Color, noise: Int) -> SimulatedBackend {
        names += 1
        var settings = [(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, one(of: [1, 3, 100])!)]
        if chance(40) { settings.append((NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, one(of: [1_000, 10_000])!)) }
        let control = SimulatedBackend.Control(
            call: { [unowned self] id in calls.indices.contains(id) ? calls[id] : nil },
            plan: { [unowned self] in plan(of: $0) }, planOfCopy: { [unowned self] in planOfCopy() },
            isRight: { [unowned self] color, call in
                call.wish == .none && scenario.failover || call.mayBe(on: color, by: words)
            })
        let backend = SimulatedBackend(
            "\(color) \(names)", color, socket, noise: noise, settings: settings, control, journal)
        backends.append(backend)
        return backend
    }

    func plan(of call: CallRecord) -> (Attempt.Plan, ready: Int, grpcStatus: Int) {
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
}
