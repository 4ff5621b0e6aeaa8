import EventLoop
import Glibc
import Ground
import Synchronization
import Testing

/// Runs a loop on its own thread until the test drops it.
final class RunningLoop: Sendable {
    let confined: LoopConfined<EventLoop>
    let mailbox: Mailbox

    init() throws {
        let confined = LoopConfined(try EventLoop())
        self.confined = confined
        mailbox = confined.value.mailbox
        try LoopThread.start("test-loop") { confined.value.run() }
    }

    deinit {
        mailbox.post { [confined] in confined.value.stop() }
    }

    /// Runs `body` on the loop's thread and returns what it passes to its callback.
    func ask<Answer: Sendable>(
        _ body: @escaping @Sendable (EventLoop, @escaping @Sendable (Answer) -> Void) -> Void
    ) async -> Answer {
        await withCheckedContinuation { continuation in
            mailbox.post { [confined] in body(confined.value) { continuation.resume(returning: $0) } }
        }
    }
}

@Suite(.timeLimit(.minutes(1))) struct EventLoopTests {
    @Test func runsWhatIsPostedInOrder() async throws {
        let loop = try RunningLoop()
        let order = Mutex<[Int]>([])
        for number in 0..<100 { loop.mailbox.post { order.withLock { $0.append(number) } } }
        let seen = await loop.ask { _, answer in answer(order.withLock { $0 }) }
        #expect(seen == Array(0..<100))
    }

    @Test func firesTimersInOrder() async throws {
        let loop = try RunningLoop()
        let order = await loop.ask { (loop, answer: @escaping @Sendable ([Int]) -> Void) in
            let fired = Mutex<[Int]>([])
            let shared = Shared(fired)
            _ = loop.schedule(after: .milliseconds(20)) {
                shared.add(2)
                answer(shared.all)
            }
            let cancelled = loop.schedule(after: .milliseconds(5)) { shared.add(99) }
            _ = loop.schedule(after: .zero) { shared.add(1) }
            loop.cancel(cancelled)
        }
        #expect(order == [1, 2])
    }

    /// A turn runs the timers that are due by the held clock, and no others.
    @Test func takesOneTurnAtATimeByAHeldClock() throws {
        let time = HeldTime()
        let loop = try EventLoop(time: .held(time))
        let fired = Shared(Mutex([]))
        _ = loop.schedule(after: .seconds(2)) {
            fired.add(2)
            _ = loop.schedule(after: .zero) { fired.add(3) }
        }
        _ = loop.schedule(after: .seconds(1)) { fired.add(1) }
        #expect(loop.nextDeadline() == time.now + .seconds(1))
        loop.turn(waitingAtMost: .zero)
        #expect(fired.takeAll() == [])
        time.advance(by: .seconds(1))
        #expect(loop.now < time.now && loop.readClock() == time.now)
        loop.turn(waitingAtMost: .zero)
        #expect(fired.takeAll() == [1])
        time.advance(by: .seconds(3600))
        loop.turn(waitingAtMost: .zero)
        #expect(fired.takeAll() == [2, 3])
        #expect(loop.now == time.now && loop.nextDeadline() == nil)
    }

    @Test func aTurnHandsOutWhatIsThereOnce() throws {
        let loop = try EventLoop(time: .held(HeldTime()))
        loop.busyPoll = .seconds(1)
        let (pair, log) = (try SocketPair(), Shared(Mutex([])))
        try loop.add(pair.mine, for: .readable, .edge, handler: Recorder(log))
        loop.mailbox.post { log.add(-1) }
        loop.endOfTurn = { log.add(0) }
        loop.turn(waitingAtMost: .zero)
        #expect(log.takeAll() == [-1, 0])
        pair.send()
        loop.turn(waitingAtMost: .seconds(60))
        #expect(log.takeAll() == [Int(Readiness.readable.rawValue), 0])
        loop.turn(waitingAtMost: .zero)
        #expect(log.takeAll() == [0])
        loop.remove(pair.mine)
    }

    /// Polling uses processor time and sleeping uses none; timers are on time either way.
    @Test(arguments: [(Duration.zero, false), (.milliseconds(1), false), (.seconds(10), true)])
    func asksInsteadOfSleeping(busyPoll: Duration, isBusy: Bool) async throws {
        let loop = try RunningLoop()
        let used = await loop.ask { (loop, answer: @escaping @Sendable (Duration) -> Void) in
            loop.busyPoll = busyPoll
            let start = Self.threadTime()
            _ = loop.schedule(after: .milliseconds(300)) { answer(Self.threadTime() - start) }
        }
        #expect((used > .milliseconds(30)) == isBusy, "\(used) of processor time")
    }

    /// Processor time of the calling thread.
    private static func threadTime() -> Duration {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    /// With edge triggering, readiness that has been reported isn't reported again until more comes or the watch is
    /// renewed.
    @Test(arguments: [Trigger.level, .edge]) func reportsByLevelOrByEdge(trigger: Trigger) async throws {
        let loop = try RunningLoop()
        let pair = try SocketPair()
        let log = Shared(Mutex([]))
        /// Runs a step on the loop and waits for two more turns; returns what was reported meanwhile.
        func after(_ step: @escaping @Sendable (EventLoop) -> Void) async -> [Readiness] {
            _ = await loop.ask { loop, answer in
                step(loop)
                loop.mailbox.post { [mailbox = loop.mailbox] in mailbox.post { answer(true) } }
            }
            return log.takeAll().map { Readiness(rawValue: UInt32($0)) }
        }
        let handler = LoopConfined(Recorder(log))
        let added = await after { loop in
            try? loop.add(pair.mine, for: .readable, trigger, handler: handler.value)
        }
        #expect(added.isEmpty)
        pair.send()
        #expect(await after { _ in }.first == .readable)
        let again = await after { _ in }
        #expect(again.isEmpty == (trigger == .edge))
        let anew = await after { loop in try? loop.change(pair.mine, to: .readable) }
        #expect(anew.contains(.readable))
        pair.send()
        #expect(await after { _ in }.contains(.readable))
        pair.end()
        let ended = await after { _ in }
        #expect(ended.contains { $0.contains(.ended) } == (trigger == .edge))
        #expect(ended.contains { $0.contains(.readable) })
        _ = await after { loop in loop.remove(pair.mine) }
    }

    @Test func refusesPostsOnceItHasEnded() async throws {
        let loop = LoopConfined(try EventLoop())
        let mailbox = loop.value.mailbox
        await withCheckedContinuation { continuation in
            do {
                try LoopThread.start("ending") {
                    loop.value.run()
                    continuation.resume()
                }
            } catch {
                Issue.record(error)
                continuation.resume()
            }
            mailbox.post { loop.value.stop() }
        }
        #expect(mailbox.post {} == false)
    }

    @Test func reportsConnectionsAndBytes() async throws {
        let loop = try RunningLoop()
        let received = await loop.ask { (loop, answer: @escaping @Sendable (String) -> Void) in
            do {
                let local = SocketAddress(family: .ipv4, bytes: [127, 0, 0, 1], port: 0)
                let listener = try Socket.listen(on: local)
                let echo = try Listening(listener, loop) { answer($0) }
                let client = try Socket.connect(to: try #require(listener.localAddress))
                try loop.add(client.descriptor, for: .writable, handler: Greeting(client, loop))
                _ = echo
            } catch {
                answer("\(error)")
            }
        }
        #expect(received == "hello")
    }

    @Test func saysWhyAnAddressCannotBeListenedOn() throws {
        let local = SocketAddress(family: .ipv4, bytes: [127, 0, 0, 1], port: 0)
        let taken = try #require(try Socket.listen(on: local).localAddress.map { ($0, try Socket.listen(on: $0)) })
        let error = #expect(throws: SystemError.self) { try Socket.listen(on: taken.0) }
        #expect(error?.description == "cannot listen on \(taken.0): address already in use")
    }
}

/// A list shared by closures that run on one loop.
private final class Shared: Sendable {
    private let list: Mutex<[Int]>

    init(_ list: consuming Mutex<[Int]>) {
        self.list = list
    }

    func add(_ number: Int) { list.withLock { $0.append(number) } }
    var all: [Int] { list.withLock { $0 } }

    func takeAll() -> [Int] {
        list.withLock { list in
            defer { list = [] }
            return list
        }
    }
}

/// Two connected sockets.
private struct SocketPair {
    let mine: FileDescriptor
    let other: FileDescriptor

    init() throws {
        var numbers: [Int32] = [-1, -1]
        let result = unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &numbers)
        if result != 0 { throw SystemError(operation: "socketpair", code: errno) }
        mine = try FileDescriptor(numbers[0], "socketpair")
        other = try FileDescriptor(numbers[1], "socketpair")
    }

    func send() { _ = unsafe Glibc.send(other.number, "x", 1, 0) }
    func end() { shutdown(other.number, Int32(SHUT_WR)) }
}

/// Records the readiness that it is told, and doesn't react to it.
private final class Recorder: EventHandler {
    private let log: Shared

    init(_ log: Shared) {
        self.log = log
    }

    func ready(_ readiness: Readiness) { log.add(Int(readiness.rawValue)) }
}

/// Accepts one connection and passes on the bytes it reads.
private final class Listening: EventHandler {
    private let listener: Socket
    private let loop: EventLoop
    private let answer: (String) -> Void
    private var accepted: Socket?

    init(_ listener: Socket, _ loop: EventLoop, _ answer: @escaping (String) -> Void) throws {
        self.listener = listener
        self.loop = loop
        self.answer = answer
        try loop.add(listener.descriptor, for: .readable, handler: self)
    }

    func ready(_ readiness: Readiness) {
        do {
            if let accepted { return read(accepted) }
            accepted = try listener.accept()
            loop.remove(listener.descriptor)
            try loop.add(accepted!.descriptor, for: .readable, handler: self)
        } catch {
            answer("\(error)")
        }
    }

    private func read(_ socket: Socket) {
        var bytes = [UInt8](repeating: 0, count: 100)
        guard case .bytes(let count) = unsafe bytes.withUnsafeMutableBytes({ unsafe socket.read(into: $0) }) else {
            return answer("nothing to read")
        }
        loop.remove(socket.descriptor)
        answer(String(decoding: bytes[..<count], as: UTF8.self))
    }
}

/// Connects and then sends a word.
private final class Greeting: EventHandler {
    private let socket: Socket
    private let loop: EventLoop

    init(_ socket: Socket, _ loop: EventLoop) {
        self.socket = socket
        self.loop = loop
    }

    func ready(_ readiness: Readiness) {
        #expect(socket.connectionError() == nil)
        let written = unsafe Array("hello".utf8).withUnsafeBytes { unsafe socket.write($0) }
        #expect(written == .bytes(5))
        loop.remove(socket.descriptor)
    }
}
