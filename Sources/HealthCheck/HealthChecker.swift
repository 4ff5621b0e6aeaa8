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
    private let mailbox: Mailbox
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

    /// Asks once, with every setting of a request. Any thread may call it.
    package func ask(_ request: ProbeRequest) async -> HealthCheckResult {
        await withCheckedContinuation { continuation in
            let accepted = mailbox.post { [confined, resolver] in
                let confined = confined.value
                confined.underWay += 1
                Probe.start(request, on: confined.loop, resolver: resolver) { result in
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
