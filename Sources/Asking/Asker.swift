import EventLoop
import Ground
import Synchronization
import TLS

/// A thread with an event loop for questions to upstreams, any number at once.
///
/// Whoever has questions of its own kind, such as ``HealthChecker``, asks them by one of these, so that there is one thread
/// for them all, and one place for the certificates.
package final class Asker: Sendable {
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
    package let resolver = Resolver()
    private let settings: Mutex<TLSContext?>

    /// Starts the thread.
    ///
    /// - Parameter tls: TLS settings for upstreams; `nil` for plaintext.
    package init(tls: TLSContext? = nil) throws(SystemError) {
        settings = Mutex(tls)
        let confined = LoopConfined(try Confined())
        self.confined = confined
        mailbox = confined.value.loop.mailbox
        try LoopThread.start("questions") { confined.value.loop.run() }
    }

    /// Ends the thread once the questions under way have been answered; new ones fail. Any thread may call it.
    package func stop() {
        mailbox.post { [confined] in
            confined.value.isStopping = true
            confined.value.stopIfIdle()
        }
    }

    /// TLS settings for the questions to come; `nil` for plaintext.
    package var tls: TLSContext? { settings.withLock { $0 } }

    /// Puts new certificates in force for the questions to come. Any thread may call it.
    package func publish(tls: TLSContext?) {
        settings.withLock { $0 = tls }
    }

    /// The loop, for what is made on another thread and used on the loop's.
    package var loop: EventLoop { confined.value.loop }

    /// Runs work on the thread, in order.
    package func post(_ work: @escaping @Sendable () -> Void) {
        mailbox.post(work)
    }

    /// Waits for an answer that is asked for on the thread.
    ///
    /// - Parameters:
    ///   - refusal: the answer if the thread has ended.
    ///   - ask: called on the thread; it has to call its closure once, there.
    package func answer<Answer: Sendable>(
        ifStopped refusal: Answer,
        _ ask: @escaping @Sendable (EventLoop, @escaping (Answer) -> Void) -> Void
    ) async -> Answer {
        await withCheckedContinuation { continuation in
            let isAccepted = mailbox.post { [confined] in
                let confined = confined.value
                confined.underWay += 1
                ask(confined.loop) { answer in
                    continuation.resume(returning: answer)
                    confined.underWay -= 1
                    confined.stopIfIdle()
                }
            }
            if !isAccepted { continuation.resume(returning: refusal) }
        }
    }

    /// The reason for everything that fails because the thread has ended.
    package static let stopped = "no more questions are asked, as the process ends"
}
