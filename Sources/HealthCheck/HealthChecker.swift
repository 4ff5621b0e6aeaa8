import EventLoop
import Ground
import Synchronization
import TLS

/// Makes any number of health checks at once, on one event loop with a thread of its own.
package final class HealthChecker: HealthChecking {
    /// The state that belongs to the loop's thread.
    private final class Confined {
        let loop: EventLoop
        var underWay = 0
        var isStopping = false

        init() throws(SystemError) {
            loop = try EventLoop()
        }

        func stopIfIdle() {
            if isStopping, underWay == 0 { loop.stop() }
        }
    }

    private let confined: LoopConfined<Confined>
    fileprivate let mailbox: Mailbox
    private let resolver = Resolver()
    /// TLS settings for the checks to come.
    private let tls: Mutex<TLSContext?>

    /// Starts the thread.
    ///
    /// - Parameter tls: TLS settings for upstreams checked by gRPC and HTTP; `nil` for plaintext.
    package init(tls: TLSContext? = nil) throws(SystemError) {
        self.tls = Mutex(tls)
        let confined = LoopConfined(try Confined())
        self.confined = confined
        mailbox = confined.value.loop.mailbox
        try LoopThread.start("health-checks") { confined.value.loop.run() }
    }

    /// Ends the thread once the checks under way have answered; new ones fail. Any thread may call it.
    package func stop() {
        mailbox.post { [confined] in
            confined.value.isStopping = true
            confined.value.stopIfIdle()
        }
    }

    /// Puts new certificates in force for the checks to come. Any thread may call it.
    package func publish(tls: TLSContext?) {
        self.tls.withLock { $0 = tls }
    }

    /// Makes one check, on the checker's thread.
    ///
    /// - Parameter timeout: time limit for connecting, and again for the answer.
    package func check(
        _ check: HealthCheck, host: String, port: UInt16, timeout: Duration
    ) async -> HealthCheckResult {
        await ask(
            ProbeRequest(
                check: check, host: host, port: port, tls: tls.withLock { $0 }, connectTimeout: timeout,
                requestTimeout: timeout))
    }

    /// Begins a watch on the checker's thread. It takes the certificates in force for each connection.
    package func watch(service: String, host: String, port: UInt16, timeout: Duration) -> any HealthWatching {
        let report = WatchReport()
        let watch = HealthWatch(
            service: service, timeout: timeout, on: confined.value.loop, resolver: resolver,
            request: { [self] in
                ProbeRequest(
                    check: .grpcWatch(service: service), host: host, port: port, tls: tls.withLock { $0 },
                    connectTimeout: timeout, requestTimeout: timeout)
            }, tell: report.publish)
        return RemoteWatch(self, LoopConfined(watch), report)
    }

    /// Asks once, with every setting of a request. Any thread may call it.
    package func ask(_ request: ProbeRequest) async -> HealthCheckResult {
        await answer { [resolver] loop, answer in
            Probe.start(request, on: loop, resolver: resolver, completion: answer)
        }
    }

    /// Waits for an answer that is asked for on the checker's thread.
    fileprivate func answer(
        _ ask: @escaping @Sendable (EventLoop, @escaping (HealthCheckResult) -> Void) -> Void
    ) async -> HealthCheckResult {
        await withCheckedContinuation { continuation in
            let accepted = mailbox.post { [confined] in
                let confined = confined.value
                confined.underWay += 1
                ask(confined.loop) { result in
                    continuation.resume(returning: result)
                    confined.underWay -= 1
                    confined.stopIfIdle()
                }
            }
            if !accepted {
                let outcome = HealthCheckResult.Outcome.requestFailed(reason: "the health checker has been stopped")
                continuation.resume(returning: HealthCheckResult(outcome: outcome, latency: .zero))
            }
        }
    }
}

/// What a watch says, on its way from the checker's thread to its reader.
private final class WatchReport: Sendable {
    let words: AsyncStream<WatchWord>
    private let continuation: AsyncStream<WatchWord>.Continuation
    private let latest = Mutex(WatchWord.good)

    /// Words that wait for a slow reader, at most.
    private static let mostWaiting = 16

    init() {
        (words, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(Self.mostWaiting))
    }

    var word: WatchWord { latest.withLock { $0 } }

    func publish(_ word: WatchWord) {
        latest.withLock { $0 = word }
        continuation.yield(word)
    }

    func end() { continuation.finish() }
}

/// A watch on the checker's thread, for other threads.
private final class RemoteWatch: HealthWatching {
    private let checker: HealthChecker
    private let watch: LoopConfined<HealthWatch>
    private let report: WatchReport

    init(_ checker: HealthChecker, _ watch: LoopConfined<HealthWatch>, _ report: WatchReport) {
        self.checker = checker
        self.watch = watch
        self.report = report
    }

    var word: WatchWord { report.word }
    var words: AsyncStream<WatchWord> { report.words }

    func check() async -> HealthCheckResult {
        await checker.answer { [watch] _, answer in watch.value.ask(answer) }
    }

    func end() {
        checker.mailbox.post { [watch] in watch.value.end() }
        report.end()
    }
}

extension ProbeRequest {
    /// Asks once on the calling thread, and returns when the answer is there.
    package func askBlocking() throws(SystemError) -> HealthCheckResult {
        let loop = try EventLoop()
        var answer: HealthCheckResult?
        Probe.start(self, on: loop, resolver: Resolver()) { result in
            answer = result
            loop.stop()
        }
        loop.run()
        guard let answer else { preconditionFailure("the loop ends only with an answer") }
        return answer
    }
}
