import ControlPlane
import DataPlane
import Ground
import Logging
import Synchronization
import TestSupport
import Testing

/// The delivery of events, with a receiver that does as a test says.
@Suite struct EventDeliveryTests {
    private let audit = AuditBench()

    /// Answers each request by what it has been told, and then with 200.
    private final class Receiver: EventSending {
        struct Gone: Error {}

        private let state = Mutex<(answers: [EventAnswer?], requests: [EventRequest])>(([], []))

        /// - Parameter answers: `nil` for none.
        func answer(_ answers: EventAnswer?...) { state.withLock { $0.answers = answers } }

        func send(_ request: EventRequest) async throws -> EventAnswer {
            let answer: EventAnswer? = state.withLock { state in
                state.requests.append(request)
                return state.answers.isEmpty ? EventAnswer(status: 200) : state.answers.removeFirst()
            }
            guard let answer else { throw Gone() }
            return answer
        }

        var numbers: [String] {
            state.withLock { $0.requests.compactMap { $0.fields.first { $0.name == "sluice-event-sequence" }?.value } }
        }
        var bodies: [String] { state.withLock { $0.requests.map { String(decoding: $0.body, as: UTF8.self) } } }
        var ids: [String] {
            state.withLock { $0.requests.compactMap { $0.fields.first { $0.name == "sluice-event-id" }?.value } }
        }
    }

    /// A process: its log, its inbox and its delivery.
    private struct Process {
        let log: AuditLog
        let inbox = EventInbox(limit: 100)
        let delivery: EventDelivery
        let failover: FailoverWatch

        init(_ bench: AuditBench, _ receiver: Receiver, limit: Int = 100) throws {
            let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            log = try bench.open()
            failover = FailoverWatch(
                active: .blue, isEnabled: true,
                onTurn: { [inbox, log] in
                    inbox.leave(EventDraft(.failover($0), auditHead: log.head))
                }, logger: logger)
            delivery = try EventDelivery(
                EventDelivery.Parts(
                    inbox: inbox, file: bench.folder.file("events"), limit: limit, sender: receiver,
                    trust: EventTrust(key: nil, authority: nil, isSecure: false), audit: log, failover: failover,
                    proxy: "host:1", version: "1.2.3", logger: logger))
        }

        func change(_ epoch: UInt64) throws {
            let entry = AuditBench.entry(epoch)
            inbox.leave(EventDraft(.entry(entry, auditError: nil), auditHead: try log.append(entry)))
        }

        func failOver() { failover.changed(routable: PerColor(blue: [false], green: [true])) }
        func recover() { failover.changed(routable: PerColor(blue: [true], green: [true])) }
    }

    /// Runs a process until the block ends, as `kill -9` does.
    private func run(
        _ receiver: Receiver, limit: Int = 100, _ body: (Process) async throws -> Void
    ) async throws {
        let process = try Process(audit, receiver, limit: limit)
        let running = Task { await process.delivery.run() }
        process.delivery.begin()
        try await body(process)
        running.cancel()
        await running.value
    }

    private func delivered(_ process: Process, _ count: Int) async -> Bool {
        await eventually { process.delivery.status.delivered == count && process.delivery.status.waiting == 0 }
    }

    @Test func deliversInOrder() async throws {
        let receiver = Receiver()
        try await run(receiver) { process in
            for epoch in UInt64(1)...5 { try process.change(epoch) }
            #expect(await delivered(process, 5))
            #expect(process.delivery.status.sequence == 5)
            #expect(process.delivery.status.oldest == nil)
        }
        try #require(receiver.numbers == ["1", "2", "3", "4", "5"])
        #expect(Set(receiver.ids).count == 5)
        #expect(receiver.bodies[2].contains(#""epoch":3"#))
    }

    @Test func triesAgainAndDropsWhatIsRefused() async throws {
        let receiver = Receiver()
        receiver.answer(nil, EventAnswer(status: 503), EventAnswer(status: 200), EventAnswer(status: 404))
        try await run(receiver) { process in
            for epoch in UInt64(1)...3 { try process.change(epoch) }
            #expect(await delivered(process, 2))
            let status = process.delivery.status
            #expect((status.refused, status.failedAttempts, status.lastError) == (1, 2, nil))
        }
        try #require(receiver.numbers == ["1", "1", "1", "2", "3"])
        #expect(receiver.ids[0] == receiver.ids[2])
    }

    @Test func goesOnAfterACrash() async throws {
        let receiver = Receiver()
        receiver.answer(EventAnswer(status: 200), nil, nil, nil, nil)
        try await run(receiver) { process in
            for epoch in UInt64(1)...3 { try process.change(epoch) }
            #expect(await eventually { process.delivery.status.lastError != nil })
            #expect(process.delivery.status.waiting == 2)
        }
        receiver.answer()
        try await run(receiver) { process in
            try process.change(4)
            #expect(await delivered(process, 3))
        }
        #expect(receiver.numbers.filter { $0 == "1" }.count == 1)
        #expect(receiver.numbers.suffix(3) == ["2", "3", "4"])
    }

    /// The process was killed after the audit log's line, and before the event was kept.
    @Test func findsWhatACrashHasKeptFromTheFile() async throws {
        let receiver = Receiver()
        try audit.open().append(AuditBench.entry(1))
        try await run(receiver) { process in
            // What was before there were events is no news.
            try process.change(2)
            #expect(await delivered(process, 1))
        }
        let log = try audit.open()
        for epoch in UInt64(3)...4 { try log.append(AuditBench.entry(epoch)) }
        try await run(receiver) { process in
            try process.change(5)
            #expect(await delivered(process, 3))
        }
        #expect(receiver.numbers == ["1", "2", "3", "4"])
        #expect(receiver.bodies.map { $0.contains(#""audit_line":"#) } == [true, true, true, true])
        for (body, epoch) in zip(receiver.bodies, 2...5) { #expect(body.contains(#""epoch":\#(epoch),"#)) }
    }

    @Test func beginsAnewWithANewLog() async throws {
        let receiver = Receiver()
        try await run(receiver) { process in
            for epoch in UInt64(1)...3 { try process.change(epoch) }
            #expect(await delivered(process, 3))
        }
        audit.folder.rename("audit.log", to: "old")
        audit.folder.rename("audit.log.head", to: "old.head")
        try audit.open().append(AuditBench.entry(4))
        try await run(receiver) { process in
            try process.change(5)
            #expect(await delivered(process, 1))
        }
        #expect(receiver.bodies.last?.contains(#""audit_line":2"#) == true)
    }

    @Test func tellsWhatFellOut() async throws {
        let receiver = Receiver()
        receiver.answer(nil, nil, nil, nil)
        try await run(receiver, limit: 10) { process in
            for epoch in UInt64(1)...30 { try process.change(epoch) }
            #expect(
                await eventually {
                    process.delivery.status.fallenOut > 0 && process.delivery.status.sequence == 30
                })
        }
        receiver.answer()
        try await run(receiver, limit: 10) { process in
            #expect(await eventually { process.delivery.status.waiting == 0 && process.delivery.status.delivered > 0 })
        }
        let told = receiver.bodies.suffix(10)
        #expect(told.first?.contains(#""type":"gap""#) == true)
        #expect(told.first?.contains(#""first_missing":1,"#) == true)
        #expect(told.first?.contains(#""last_missing":21,"#) == true)
        #expect(receiver.numbers.suffix(10) == (21...30).map(String.init)[...])
    }

    /// The new process goes on from the file; the old one sends nothing more.
    @Test func handsOver() async throws {
        let receiver = Receiver()
        receiver.answer(nil, nil)
        try await run(receiver) { old in
            try old.change(1)
            #expect(await eventually { old.delivery.status.lastError != nil })
            try old.change(2)
            await old.delivery.handOver()
            let sent = receiver.numbers.count
            receiver.answer()
            old.failOver()
            let new = try Process(audit, receiver)
            new.log.takeUp()
            let running = Task { await new.delivery.run() }
            try new.change(3)
            #expect(receiver.numbers.count == sent)
            new.delivery.begin()
            #expect(await delivered(new, 3))
            #expect(receiver.numbers.suffix(3) == ["1", "2", "3"])
            // It ends, and the old one has to go on.
            running.cancel()
            await running.value
            await old.delivery.takeBack()
            try old.change(4)
            // The failover that began meanwhile is told as well.
            #expect(await delivered(old, 2))
            #expect(receiver.numbers.suffix(3) == ["3", "4", "5"])
            #expect(receiver.bodies.dropLast().last?.contains("failover_begun") == true)
        }
    }

    @Test func tellsAFailoverOnce() async throws {
        let receiver = Receiver()
        try await run(receiver) { old in
            old.failOver()
            #expect(await delivered(old, 1))
            await old.delivery.handOver()
            // The new process finds the same.
            let new = try Process(audit, receiver)
            new.failOver()
            let running = Task { await new.delivery.run() }
            new.delivery.begin()
            new.recover()
            #expect(await delivered(new, 1))
            running.cancel()
            await running.value
        }
        #expect(receiver.bodies.map { $0.contains("failover_begun") } == [true, false])
        #expect(receiver.bodies.map { $0.contains("failover_ended") } == [false, true])
    }

    /// A process that has been killed can't say that its failover has ended.
    @Test func endsTheFailoverOfAProcessThatWasKilled() async throws {
        let receiver = Receiver()
        try await run(receiver) { process in
            process.failOver()
            #expect(await delivered(process, 1))
        }
        try await run(receiver) { process in #expect(await delivered(process, 1)) }
        #expect(receiver.bodies.last?.contains(#""type":"failover_ended""#) == true)
        try await run(receiver) { process in
            try process.change(1)
            #expect(await delivered(process, 1))
        }
        #expect(receiver.numbers == ["1", "2", "3"])
    }

    @Test func needsAFileThatCanBeWritten() {
        let receiver = Receiver()
        audit.folder.link("events", to: "elsewhere")
        #expect(throws: EventDelivery.FileFailure.self) { try Process(audit, receiver) }
    }
}
