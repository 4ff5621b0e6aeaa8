import DataPlane
import EventLoop
import Ground
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization

/// Tells a receiver of all events, in order and at least once.
///
/// Events come from the inbox, get their number, and are kept in a file before they are sent. What a crash has kept from
/// the file is found in the audit log again. The actor has its own thread, because it waits for the disk.
package actor EventDelivery: Service {
    /// Everything it needs.
    package struct Parts: Sendable {
        package var inbox: EventInbox
        package var file: String
        /// How many events may wait.
        package var limit: Int
        package var sender: any EventSending
        package var trust: EventTrust
        package var audit: AuditLog
        package var failover: FailoverWatch
        /// The sender's name in every event.
        package var proxy: String
        package var version: String
        package var logger: Logger

        package init(
            inbox: EventInbox, file: String, limit: Int, sender: any EventSending, trust: EventTrust, audit: AuditLog,
            failover: FailoverWatch, proxy: String, version: String, logger: Logger
        ) {
            self.inbox = inbox
            self.file = file
            self.limit = limit
            self.sender = sender
            self.trust = trust
            self.audit = audit
            self.failover = failover
            self.proxy = proxy
            self.version = version
            self.logger = logger
        }
    }

    /// The file of the events can't be used. The description is one line that names it.
    package struct FileFailure: Error, Equatable, CustomStringConvertible {
        package var description: String
    }

    private enum Phase {
        /// Another process may still tell the events.
        case waiting
        case delivering
        /// The process ends: what can't be delivered at once waits for the next start.
        case ending
        /// Another process tells the events.
        case handedOver
    }

    /// How long the end of the process waits for the receiver.
    private static let patienceAtEnd = Duration.milliseconds(1_500)

    // Never shut down: it lives as long as the process.
    private static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private static let loop = group.next()

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe Self.loop.executor.asUnownedSerialExecutor()
    }

    private let parts: Parts
    private let now: @Sendable () -> Timestamp
    private let begins = OneTimeEvent()
    private let published = Mutex(EventStatus())
    private var phase = Phase.waiting
    private var file: EventFile
    private var queue: EventQueue
    private var retry = EventRetry()
    private var random = SystemRandomNumberGenerator()
    /// What is being done about the first event.
    private var attempt: Task<Void, Never>?
    /// Resumed when there may be something to deliver.
    private var sleeper: CheckedContinuation<Void, Never>?
    private var isPausing = false

    /// Opens the file; fails at once if it can't be written.
    package init(_ parts: Parts, now: @escaping @Sendable () -> Timestamp = { .now() }) throws(FileFailure) {
        self.parts = parts
        self.now = now
        do throws(SystemError) {
            file = try EventFile(path: parts.file)
        } catch {
            throw FileFailure(description: "the events can't be kept: \(error)")
        }
        queue = EventQueue(limit: parts.limit, proxy: parts.proxy, makeID: Self.makeID)
    }

    /// How the delivery is going. Reading it never waits.
    package nonisolated var status: EventStatus { published.withLock { $0 } }

    /// Begins to tell the events: from here on no other process does.
    package nonisolated func begin() { begins.set() }

    package func run() async {
        await cancelWhenGracefulShutdown { await self.begins.wait() }
        guard begins.isSet else { return }
        load()
        phase = .delivering
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in self.parts.inbox.turns { await self.takeIn() } }
            group.addTask { await self.deliver() }
            try? await gracefulShutdown()
            await end()
            group.cancelAll()
            wake()
        }
    }

    // MARK: Handing over

    /// Stops, as another process is about to take over: what waits is in the file.
    package func handOver() async {
        guard phase == .delivering else { return parts.inbox.close() }
        phase = .handedOver
        attempt?.cancel()
        await attempt?.value
        parts.inbox.close()
        keepInbox()
    }

    /// Goes on, as the other process has failed to start. It may have told some events before it ended.
    package func takeBack() {
        parts.inbox.open()
        guard phase == .handedOver else { return }
        load()
        phase = .delivering
        wake()
    }

    /// Delivers what is left, for as long as the process's end may wait for it.
    private func end() async {
        guard phase == .delivering else { return }
        keepInbox()
        phase = .ending
        if isPausing { attempt?.cancel() }
        wake()
        let deadline = ContinuousClock.now + Self.patienceAtEnd
        while !queue.waiting.isEmpty, phase == .ending, .now < deadline {
            try? await Task.sleep(for: .milliseconds(5))
            if Task.isCancelled { break }
        }
        phase = .handedOver
        attempt?.cancel()
        await attempt?.value
        if !queue.waiting.isEmpty {
            parts.logger.notice(
                "events wait for the next start", metadata: ["waiting": .stringConvertible(queue.waiting.count)])
        }
    }

    // MARK: Taking in

    private func takeIn() {
        guard phase == .delivering else { return }
        keepInbox()
        wake()
    }

    private func keepInbox() {
        let (drafts, lost) = parts.inbox.take()
        var records: [EventQueue.Record] = []
        for draft in drafts { records += queue.add(draft) }
        records += queue.lost(lost, at: now(), auditHead: parts.audit.head)
        keep(records, isDurable: true)
    }

    /// A queue that can't be kept is delivered all the same.
    private func keep(_ records: [EventQueue.Record], isDurable: Bool) {
        do throws(SystemError) {
            try file.append(records, isDurable: isDurable, of: queue)
            if published.withLock({ $0.fileError }) != nil {
                parts.logger.notice("the events are on disk again", metadata: ["path": "\(parts.file)"])
            }
            publish { $0.fileError = nil }
        } catch {
            if published.withLock({ $0.fileError }) == nil {
                parts.logger.error(
                    "events are not on disk, and would be lost by a crash", metadata: ["cause": "\(error)"])
            }
            publish { $0.fileError = "\(error)" }
        }
    }

    /// Reads what waits, and finds in the audit log what a crash has kept from the file.
    private func load() {
        var records: [EventQueue.Record] = []
        do throws(SystemError) {
            let damaged: Int
            (records, damaged) = try file.load()
            if damaged > 0 {
                parts.logger.error(
                    "events are damaged", metadata: ["path": "\(parts.file)", "lines": .stringConvertible(damaged)])
            }
        } catch {
            parts.logger.error("the events of before can't be read", metadata: ["cause": "\(error)"])
        }
        queue = EventQueue(records, limit: parts.limit, proxy: parts.proxy, makeID: Self.makeID)
        parts.audit.takeUp()
        var (drafts, lost) = parts.inbox.take()
        let told = queue.memory.failover
        let firstTurn = drafts.firstIndex { if case .failover = $0.content { true } else { false } }
        // The process before this one has told of it.
        if let firstTurn, case .failover(let turn) = drafts[firstTurn].content, turn.hasBegun, turn.to == told {
            drafts.remove(at: firstTurn)
        }
        var added: [EventQueue.Record] = []
        let head = parts.audit.head
        let first = drafts.lazy.compactMap(\.auditLine).first ?? head.line + 1
        if let last = queue.memory.auditLine, last < first {
            for draft in parts.audit.entries(after: last) where draft.auditHead.line < first {
                added += queue.add(draft)
            }
        } else {
            // There were no events before, or the log was begun anew: what it says is no news.
            queue.skip(toAuditLine: first - 1)
            added.append(.memory(queue.memory))
        }
        if firstTurn == nil, let turn = untold(told) {
            added += queue.add(EventDraft(.failover(turn), auditHead: head))
        }
        for draft in drafts { added += queue.add(draft) }
        added += queue.lost(lost, at: now(), auditHead: head)
        keep(added, isDurable: true)
    }

    /// The begin or end of a failover that happened while nobody could tell of it: this process didn't run, or another one
    /// was taking over.
    ///
    /// - Parameter told: the color that calls have failed over to, as far as events told.
    private func untold(_ told: Color?) -> FailoverWatch.Turn? {
        let current = parts.failover.current
        switch (told, current) {
        case (let told?, nil):
            return FailoverWatch.Turn(hasBegun: false, active: told.other, to: told, since: now(), at: now())
        case (nil, let current?):
            return FailoverWatch.Turn(
                hasBegun: true, active: current.to.other, to: current.to, since: current.since, at: current.since)
        default: return nil
        }
    }

    // MARK: Delivering

    private func deliver() async {
        while !Task.isCancelled {
            guard phase == .delivering || phase == .ending, let event = queue.waiting.first else {
                await withCheckedContinuation { sleeper = $0 }
                continue
            }
            let attempt = Task { await self.tell(event) }
            self.attempt = attempt
            await attempt.value
            self.attempt = nil
        }
    }

    private func wake() {
        sleeper?.resume()
        sleeper = nil
    }

    /// Sends an event once; pauses if that fails.
    private func tell(_ event: Event) async {
        guard phase == .delivering || phase == .ending else { return }
        queue.sending = event.sequence
        defer { queue.sending = nil }
        let request = EventRequest(event, key: parts.trust.key, version: parts.version, now: now())
        do {
            let answer = try await parts.sender.send(request)
            switch answer.verdict {
            case .delivered:
                publish { $0.delivered += 1 }
                settle(event)
            case .refused:
                parts.logger.error(
                    "the receiver has refused an event, which is dropped",
                    metadata: [
                        "status": .stringConvertible(answer.status), "id": "\(event.id)",
                        "sequence": .stringConvertible(event.sequence), "type": "\(event.type)",
                    ])
                publish { $0.refused += 1 }
                settle(event)
            case .later:
                await pause(event, cause: "HTTP status \(answer.status)", retryAfter: answer.retryAfter)
            }
        } catch {
            if Task.isCancelled { return }
            await pause(event, cause: "\(error)", retryAfter: nil)
        }
    }

    private func settle(_ event: Event) {
        if retry.failures > 0 { parts.logger.notice("events are delivered again") }
        retry.succeeded()
        let records = queue.settle(event.sequence)
        publish { $0.lastError = nil }
        keep(records, isDurable: false)
    }

    private func pause(_ event: Event, cause: String, retryAfter: Int?) async {
        let pause = retry.failed(retryAfter: retryAfter, using: &random)
        publish {
            $0.failedAttempts += 1
            $0.lastError = cause
        }
        // The first failure, and from then on ever fewer.
        if retry.failures & (retry.failures - 1) == 0 {
            parts.logger.warning(
                "an event can't be delivered, and is tried again",
                metadata: [
                    "cause": "\(cause)", "sequence": .stringConvertible(event.sequence), "type": "\(event.type)",
                    "waiting": .stringConvertible(queue.waiting.count),
                    "attempts": .stringConvertible(retry.failures),
                ])
        }
        // It may fall out of the queue meanwhile.
        queue.sending = nil
        // A process that ends tries once more at once, and then leaves the rest to the next.
        guard phase == .delivering else {
            phase = .handedOver
            return
        }
        isPausing = true
        try? await Task.sleep(for: pause)
        isPausing = false
    }

    private func publish(_ change: (inout EventStatus) -> Void) {
        published.withLock { status in
            change(&status)
            status.waiting = queue.waiting.count
            status.oldest = queue.waiting.first?.time
            status.sequence = queue.memory.next - 1
            status.fallenOut = queue.fallenOut
        }
    }

    /// 128 random bits.
    @Sendable private static func makeID() -> String {
        (0..<16).map { _ in UInt8.random(in: .min ... .max) }.hexadecimal
    }
}
