import Asking
import EventLoop
import Ground
import Synchronization

/// Makes any number of health checks at once, on an asker's thread.
package final class HealthChecker: HealthChecking {
    fileprivate let asker: Asker

    /// - Parameter asker: has the thread, and the TLS settings for upstreams checked by gRPC and HTTP.
    package init(_ asker: Asker) {
        self.asker = asker
    }

    /// Makes one check, on the asker's thread.
    ///
    /// - Parameter timeout: time limit for connecting, and again for the answer.
    package func check(
        _ check: HealthCheck, host: String, port: UInt16, timeout: Duration
    ) async -> HealthCheckResult {
        let request = ProbeRequest(
            check: check, host: host, port: port, tls: asker.tls, connectTimeout: timeout, requestTimeout: timeout)
        return await answer { [resolver = asker.resolver] loop, answer in
            Probe.start(request, on: loop, resolver: resolver, completion: answer)
        }
    }

    /// Begins a watch on the asker's thread. It takes the certificates in force for each connection.
    package func watch(service: String, host: String, port: UInt16, timeout: Duration) -> any HealthWatching {
        let report = WatchReport()
        let watch = HealthWatch(
            service: service, timeout: timeout, on: asker.loop, resolver: asker.resolver,
            request: { [asker] in
                ProbeRequest(
                    check: .grpcWatch(service: service), host: host, port: port, tls: asker.tls,
                    connectTimeout: timeout, requestTimeout: timeout)
            }, tell: report.publish)
        return RemoteWatch(self, LoopConfined(watch), report)
    }

    /// Waits for an answer that is asked for on the asker's thread.
    fileprivate func answer(
        _ ask: @escaping @Sendable (EventLoop, @escaping (HealthCheckResult) -> Void) -> Void
    ) async -> HealthCheckResult {
        await asker.answer(
            ifStopped: HealthCheckResult(outcome: .requestFailed(reason: Asker.stopped), latency: .zero), ask)
    }
}

/// What a watch says, on its way from the asker's thread to its reader.
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

/// A watch on the asker's thread, for other threads.
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
        checker.asker.post { [watch] in watch.value.end() }
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
