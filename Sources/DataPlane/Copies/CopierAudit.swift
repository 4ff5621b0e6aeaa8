import Connections
import HTTP2

/// Checks the rules that must hold of a worker's copies between two turns, as `WorkerAudit` does for its calls.
struct CopierAudit {
    private(set) var faults: [String] = []

    init(_ copier: Copier, _ worker: Worker) {
        let streams = copier.connections.flatMap(\.legs)
        let legs = streams + copier.waiting
        for connection in copier.connections {
            expect(connection.isOpen, "a connection for copies that is closed is forgotten")
            for (index, leg) in connection.legs.enumerated() {
                expect(leg.index == index, "a leg knows its place")
                var isNamed = false
                if case .open(let named, _) = leg.place { isNamed = named.object === connection }
                expect(isNamed, "a connection's leg names it")
            }
        }
        for leg in copier.waiting {
            expect(!leg.isAbandoned, "no leg waits that nobody waits for")
            expect(leg.isInCopy, "a leg that waits is its copy's")
        }
        for leg in streams where leg.isAwaited { expect(leg.isInCopy, "a leg that is awaited is its copy's") }
        // A leg that is answered and has no stream any more is known to its copy alone, and that to its call.
        var copies: [ObjectIdentifier: Copy] = [:]
        for copy in worker.book.calls.compactMap(\.copy) + legs.map(\.copy) { copies[ObjectIdentifier(copy)] = copy }
        let own = copies.values.flatMap(\.legs)
        expect(
            copier.counts.open == own.count,
            "the copier counts the legs under way: \(copier.counts.open) of \(own.count)")
        let bytes = copies.values.reduce(0) { $0 + $1.heldBytes }
        expect(copier.counts.bytes == bytes, "the copier counts what copies hold: \(copier.counts.bytes) of \(bytes)")
        expect(copier.counts.bytes <= copier.settings.total, "copies hold no more than they may")
        let requests = own.reduce(0) { $0 + $1.requestBody.count }
        if requests == 0 { expect(copier.chunks.bytesInUse == 0, "without requests there are no bodies of copies") }
        for copy in copies.values {
            expect(copy.heldBodies <= copier.settings.buffer, "a copy holds no more than it may")
            expect(
                copy.liveEndedAt == nil || own.allSatisfy { $0.copy !== copy || $0.record.endedAt == nil },
                "an answer is compared as soon as both are there")
        }
        expect(
            copier.counts.started == copier.counts.answered + copier.counts.givenUp.total + copier.counts.open,
            "each copy ends once")
    }

    private mutating func expect(_ holds: Bool, _ rule: @autoclosure () -> String) {
        if !holds { faults.append(rule()) }
    }
}
