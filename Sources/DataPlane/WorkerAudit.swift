import Connections
import EventLoop
import HTTP2
import Synchronization

/// Checks the rules that must hold of a worker between two turns, whatever has happened; simulations run it after each
/// turn.
///
/// - Each call is in exactly one place: with its client, and waiting or with an upstream, unless it is answered.
/// - References between objects are mutual.
/// - The ledger and the totals agree with the calls and connections that are there.
/// - The windows that were granted are those that calls have, and no more bytes wait than they allow.
struct WorkerAudit {
    private(set) var faults: [String] = []
    private let worker: Worker
    private let calls: Set<UInt>
    private let clients: Set<UInt>
    private let upstreams: Set<UInt>
    private let pools: Set<UInt>

    init(_ worker: Worker) {
        self.worker = worker
        calls = Set(worker.book.calls.map(Self.address))
        clients = Set(worker.clients.map(Self.address))
        upstreams = Set(worker.upstreams.values.map(Self.address))
        pools = Set(Color.allCases.flatMap { worker.router.pools[$0] }.map(Self.address))
        checkQueues()
        for (index, call) in worker.book.calls.enumerated() { check(call, index) }
        for client in worker.clients { check(client) }
        for upstream in worker.upstreams.values { check(upstream) }
        for color in Color.allCases {
            for (index, pool) in worker.router.pools[color].enumerated() { check(pool, color, index) }
        }
        checkBooks()
        checkWindows()
        if let copier = worker.copier { faults += CopierAudit(copier, worker).faults }
    }

    private static func address(_ object: some AnyObject) -> UInt {
        UInt(bitPattern: ObjectIdentifier(object))
    }

    private mutating func expect(_ holds: Bool, _ rule: @autoclosure () -> String) {
        if !holds { faults.append(rule()) }
    }

    /// Checks that the work queued in a turn is done at its end.
    private mutating func checkQueues() {
        expect(worker.book.unplaced.isEmpty, "every call that was refused is placed in the same turn")
        expect(worker.hasFlushed, "every session that has something to send is flushed in the same turn")
        expect(worker.book.cutShort.isEmpty, "every response that is cut short is seen to in the same turn")
        expect(worker.book.overCalls.isEmpty, "no call that is over outlives its turn")
    }

    // MARK: Calls

    private mutating func check(_ call: Call, _ index: Int) {
        expect(call.indexInBook == index, "a call knows its place in the book")
        if case .booked = call.stage { expect(false, "no call that is booked is kept") }
        var (hasClient, hasUpstream) = (false, false)
        if case .open(let client, _) = call.client {
            hasClient = true
            if clients.contains(client.address) {
                let known = client.object.calls
                expect(
                    call.indexOnClient < known.count && known[call.indexOnClient].address == Self.address(call),
                    "a call is where it says among its client's")
            } else {
                expect(false, "a call's client is there")
            }
        }
        switch call.upstream {
        case .none, .closed: break
        case .waiting(let pool, _):
            hasUpstream = true
            expect(pools.contains(pool.address), "a call waits at a pool that is there")
            expect(hasClient, "only a call with a client waits")
            expect(!call.isAnswered, "no call waits that is answered")
        case .open(let upstream, _):
            hasUpstream = true
            guard upstreams.contains(upstream.address) else {
                expect(false, "a call's upstream is there")
                break
            }
            let known = upstream.object.calls
            expect(
                call.indexOnUpstream < known.count && known[call.indexOnUpstream].address == Self.address(call),
                "a call is where it says among its upstream's")
            let pool = upstream.object.pool
            expect(pool.color == call.destination?.color, "a call is on the color that it began on")
            expect(pool.index == call.endpoint, "a call is at the endpoint that it was placed at")
        }
        expect(hasClient || hasUpstream, "a call with no legs is over")
        expect(
            call.destination == nil || call.isAnswered || !hasClient || hasUpstream || call.upstreamReset != nil,
            "a call that has begun and isn't answered or reset waits, or is with an upstream")
        expect(hasClient || call.isAnswered || call.destination != nil, "a call without a client has begun")
        let body = call.requestBody
        expect(call.creditedBytes <= body.count + body.replayCount, "only a replay has credit ahead")
        // What its client has left may wait for its upstream to take the reset.
        if hasClient { checkTimes(of: call) }
        if !hasClient {
            expect(call.requestBody.count == 0, "nothing of a request waits whose client has left")
            expect(
                call.requestGrant.isNone && call.responseGrant.isNone,
                "a call without a client has given its windows back")
        }
    }

    /// Checks that the sweep has ended the calls that are late.
    private mutating func checkTimes(of call: Call) {
        let now = worker.loop.now
        if let deadline = call.deadline, !call.isAnswered {
            expect(now <= deadline + Worker.sweepInterval, "no call goes on beyond its deadline")
        }
    }

    // MARK: Connections

    private mutating func check(_ client: ClientConnection) {
        expect(client.isOpen, "a client's connection that is closed is forgotten")
        for (index, call) in client.calls.enumerated() {
            guard calls.contains(call.address) else {
                expect(false, "a client's call is there")
                continue
            }
            expect(call.object.indexOnClient == index, "a client's call knows its place")
            var isNamed = false
            if case .open(let named, _) = call.object.client { isNamed = named.address == Self.address(client) }
            expect(isNamed, "a client's call names it")
        }
        guard client.calls.allSatisfy({ calls.contains($0.address) }) else { return }
        let own = client.calls.map(\.object)
        expect(
            client.responses.inUse == own.reduce(0) { $0 + $1.responseGrant.inUse }
                && client.requests.inUse == own.reduce(0) { $0 + $1.requestGrant.inUse },
            "a client's windows have grown by what its calls have")
        expect(
            client.responses.held == own.reduce(0) { $0 + Self.held($1.responseGrant) }
                && client.requests.held == own.reduce(0) { $0 + Self.held($1.requestGrant) },
            "a client holds of the budget what its calls have")
        for call in own {
            let waiting = call.requestBody.count - call.creditedBytes
            // Before a client has seen the Proxy's SETTINGS, streams have the window that they have by themselves.
            let initial = Int(SessionSettings.initialStreamWindow)
            let window = max(client.requests.base + Self.size(call.requestGrant), initial)
            expect(waiting <= window, "no more of a request waits than its window allows: \(waiting) of \(window)")
            guard case .open(let upstream, _) = call.upstream, upstreams.contains(upstream.address),
                call.proxyAnswer == nil
            else { continue }
            let most = upstream.object.streamWindow + Self.size(call.responseGrant)
            expect(
                call.responseBody.count <= most,
                "no more of a response waits than its window allows: \(call.responseBody.count) of \(most)")
        }
    }

    private static func held(_ grant: WindowGrant) -> Int {
        switch grant {
        case .inUse(let size): size
        case .resting(_, let owed): owed
        }
    }

    private static func size(_ grant: WindowGrant) -> Int {
        switch grant {
        case .inUse(let size): size
        case .resting(let size, _): size
        }
    }

    private mutating func check(_ upstream: UpstreamConnection) {
        expect(upstream.isOpen, "an upstream's connection that is closed is forgotten")
        for (index, call) in upstream.calls.enumerated() {
            guard calls.contains(call.address) else {
                expect(false, "an upstream's call is there")
                continue
            }
            expect(call.object.indexOnUpstream == index, "an upstream's call knows its place")
            var isNamed = false
            if case .open(let named, _) = call.object.upstream { isNamed = named.address == Self.address(upstream) }
            expect(isNamed, "an upstream's call names it")
        }
        guard upstream.calls.allSatisfy({ calls.contains($0.address) }) else { return }
        let own = upstream.calls.map(\.object)
        expect(upstream.sendingCalls == own.count { $0.isSending }, "an upstream counts the calls that send")
        expect(
            upstream.dueResets == own.count { if case .due = $0.withdrawal { true } else { false } },
            "an upstream counts the resets that are due")
        expect(
            upstream.heldBack.count == own.count { $0.isHeldBack }
                && upstream.heldBack.allSatisfy { held in upstream.calls.contains { $0.address == held.address } },
            "an upstream knows the calls that wait for a share")
    }

    private mutating func check(_ pool: EndpointPool, _ color: Color, _ index: Int) {
        expect(pool.color == color && pool.index == index, "a pool knows its place")
        expect(
            pool.connections.allSatisfy { upstreams.contains($0.address) && !$0.object.isGoingAway },
            "a pool's connection is there, and takes calls")
        var count = 0
        pool.waiting.forEach { call, ticket in
            count += 1
            var isNamed = false
            if case .waiting(let named, let own) = call.upstream {
                isNamed = named.address == Self.address(pool) && own == ticket
            }
            expect(calls.contains(Self.address(call)) && isNamed, "a call that waits knows where")
            expect(call.destination?.color == color, "a call waits at the color that it began on")
        }
        expect(count == pool.waiting.count, "a pool counts the calls that wait")
        let named = worker.book.calls.count { call in
            if case .waiting(let own, _) = call.upstream { own.address == Self.address(pool) } else { false }
        }
        expect(count == named, "every call that waits at a pool is in its queue")
    }

    // MARK: Books

    private mutating func checkBooks() {
        let destinations = worker.book.calls.compactMap(\.destination)
        expect(worker.book.ledger.total == destinations.count, "the ledger has as many calls as there are")
        check(worker.book.ledger.entries, destinations.filter { !$0.isAskedFor })
        check(worker.book.ledger.askedFor, destinations.filter(\.isAskedFor))
        for color in Color.allCases {
            let totals = worker.book.totals[color]
            let finished = totals.finishedByStatus.total + totals.finishedByHTTPClass.reduce(0, +)
            expect(
                totals.started - finished - totals.left == destinations.count { $0.color == color },
                "each call is booked once, when it is over")
        }
        expect(
            worker.host.openConnections.load(ordering: .relaxed) == worker.host.clients.count,
            "the worker counts the connections that it has")
    }

    private mutating func check(_ entries: [TrafficReport.InFlight], _ destinations: [Destination]) {
        expect(entries.allSatisfy { $0.calls > 0 }, "the ledger has no entry without calls")
        for entry in entries {
            let count = destinations.count { $0.epoch == entry.epoch && $0.color == entry.color }
            expect(entry.calls == count, "the ledger has the calls of epoch \(entry.epoch) on \(entry.color)")
        }
        expect(entries.reduce(0) { $0 + $1.calls } == destinations.count, "the ledger has every call under its epoch")
    }

    private mutating func checkWindows() {
        let held = worker.clients.reduce(0) { $0 + $1.responses.held + $1.requests.held }
        expect(worker.windows.granted == held, "the budget has granted what clients hold")
        let bytes = worker.chunks.bytesInUse
        if worker.book.calls.isEmpty { expect(bytes == 0, "without calls there are no bodies: \(bytes) bytes") }
    }

    // MARK: The end

    /// What is left of a worker that has neither calls nor connections.
    static func leftovers(_ worker: Worker) -> [String] {
        var left: [String] = []
        func note(_ name: String, _ count: Int) { if count != 0 { left.append("\(count) \(name)") } }
        note("calls", worker.book.calls.count)
        note("clients", worker.host.clients.count)
        note("connections to upstreams", worker.upstreams.count)
        note("calls that wait", Color.allCases.flatMap { worker.router.pools[$0] }.reduce(0) { $0 + $1.waiting.count })
        note("calls in the ledger", worker.book.ledger.total)
        note("bytes of bodies", worker.chunks.bytesInUse)
        note("bytes of header lists", worker.headerLists.bytesInUse)
        note("bytes of windows", worker.windows.granted)
        if let copier = worker.copier {
            note("copies", copier.counts.open)
            note("bytes of copies", copier.counts.bytes)
            note("bytes of copied requests", copier.chunks.bytesInUse)
            note("connections for copies", copier.connections.count)
        }
        note("open connections", worker.host.openConnections.load(ordering: .relaxed))
        return left
    }
}
