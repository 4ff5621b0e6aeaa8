import ControlPlane
import Glibc
import Ground
import TestSupport
import Testing

import Handover

@Suite struct HandoverSocketTests {
    private let folder = TemporaryFolder()
    private var path: String { folder.file("handover.sock") }

    private func failure(_ body: () async throws -> Void) async -> String? {
        do {
            try await body()
            return nil
        } catch {
            return "\(error)"
        }
    }

    // MARK: The path

    @Test func isFoundOnceItIsPublished() async throws {
        let socket = try HandoverSocket(path: path)
        #expect(folder.names == ["handover.sock.new"])
        #expect(try await HandoverRequest.make(at: path) == nil)
        try socket.publish()
        #expect(folder.names == ["handover.sock"])
        var status = stat()
        #expect(unsafe lstat(path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
    }

    @Test func isRemovedAtTheEnd() throws {
        let socket = try HandoverSocket(path: path)
        try socket.publish()
        socket.close(removing: true)
        #expect(folder.names == [])
    }

    @Test func isNotRemovedForTheNextProcess() throws {
        let first = try HandoverSocket(path: path)
        try first.publish()
        let second = try HandoverSocket(path: path)
        try second.publish()
        first.close(removing: true)
        #expect(folder.names == ["handover.sock"], "it is the second one's")
        second.close(removing: false)
        #expect(folder.names == ["handover.sock"])
    }

    @Test func leavesNothingWhereItWasNotPublished() throws {
        do { _ = try HandoverSocket(path: path) }
        #expect(folder.names == [])
    }

    /// A process that was killed leaves its socket, and another may have been killed before it had its path.
    @Test func replacesWhatIsLeft() async throws {
        for name in [path, path + ".new"] {
            let left = try HandoverSocket(path: name)
            try left.publish()
            left.close(removing: false)
        }
        #expect(folder.names == ["handover.sock", "handover.sock.new"])
        #expect(try await HandoverRequest.make(at: path) == nil)
        let socket = try HandoverSocket(path: path)
        try socket.publish()
        #expect(folder.names == ["handover.sock"])
    }

    @Test func leavesOtherFilesAlone() async throws {
        folder.write("handover.sock", "notes")
        #expect(try await HandoverRequest.make(at: path) == nil)
        #expect(
            await failure { _ = try HandoverSocket(path: path) }
                == "handover socket: \(path) is no socket, and is left as it is")
        #expect(folder.text("handover.sock") == "notes")
    }

    @Test func aFolderThatIsNotThere() async {
        #expect(
            await failure { _ = try HandoverSocket(path: "/nowhere/s") }
                == "handover socket: cannot make /nowhere/s.new: no such file or directory")
        #expect(await failure { _ = try await HandoverRequest.make(at: "/nowhere/s") } == nil)
    }

    @Test func aPathThatIsTooLong() async {
        let long = folder.file(String(repeating: "x", count: 108))
        let reason = "handover socket: cannot make \(long): file name too long"
        #expect(await failure { _ = try HandoverSocket(path: long) } == reason)
    }

    // MARK: Asking

    /// A listening socket, and the line of the next process that asks.
    private func listening() throws -> (HandoverSocket, () async -> FileDescriptor?) {
        let socket = try HandoverSocket(path: path)
        try socket.publish()
        return (
            socket,
            {
                var peers = socket.peers.makeAsyncIterator()
                return await peers.next()
            }
        )
    }

    @Test func passesDescriptorsAndTheLine() async throws {
        let (socket, next) = try listening()
        async let asked = HandoverRequest.make(at: path)
        let line = try #require(await next())
        let peer = try PeerCredentials(of: line)
        #expect(peer == PeerCredentials(user: geteuid(), processID: getpid()))
        let decision = try TakeoverDecision()
        let successor = try Successor.connected(
            line, from: peer, passing: [(.decision, decision.descriptor), (.predecessor, line), (.predecessor, line)])
        #expect(successor.processID == getpid())
        let inherited = try #require(try await asked)
        let shared = try TakeoverDecision(sharing: try #require(inherited.take(.decision)))
        #expect(shared.takeOver() && !decision.breakOff())
        #expect(inherited.takeAll(.predecessor).count == 2)

        // The line is the handover's from here on.
        let predecessor = try Predecessor(try #require(inherited.take(.handover)))
        let listening = Task { await predecessor.listen() }
        let takeover = Task { try await predecessor.takeOver() }
        try await successor.prepared(within: .seconds(60))
        let alive = await successor.hasEnded()
        #expect(!alive)
        await successor.giveUp("it takes too long")
        let failure = await #expect(throws: Predecessor.Failure.self) { try await takeover.value }
        #expect(failure?.description == "the process to take over from doesn't hand over: it takes too long")
        await listening.value
        withExtendedLifetime(socket) {}
    }

    @Test func aProcessThatEndsBeforeItIsPrepared() async throws {
        let (socket, next) = try listening()
        // What it has been given is let go at once.
        async let asked: Void = { _ = try await HandoverRequest.make(at: path) }()
        let line = try #require(await next())
        let successor = try Successor.connected(line, from: try PeerCredentials(of: line), passing: [])
        try await asked
        #expect(
            await failure { try await successor.prepared(within: .seconds(60)) }
                == "the new process ended before it was ready")
        let hasEnded = await successor.hasEnded()
        #expect(hasEnded)
        withExtendedLifetime(socket) {}
    }

    @Test func refusesWithAReason() async throws {
        let (socket, next) = try listening()
        async let asked = failure { _ = try await HandoverRequest.make(at: path) }
        Successor.refuse(try #require(await next()), "another restart is under way")
        #expect(await asked == "nothing can be taken over: another restart is under way")
        withExtendedLifetime(socket) {}
    }

    @Test func takesNothingOverFromAnotherUser() async throws {
        let (socket, _) = try listening()
        #expect(
            await failure { _ = try await HandoverRequest.make(at: path, user: geteuid() + 1) }
                == "nothing can be taken over: the other process has user \(geteuid()), and this one user "
                + "\(geteuid() + 1), at \(path)")
        withExtendedLifetime(socket) {}
    }

    @Test func handsNothingOverToAnotherUser() {
        #expect(PeerCredentials(user: 7, processID: 1).refusal(own: 7) == nil)
        #expect(
            PeerCredentials(user: 0, processID: 1).refusal(own: 10001)
                == "the other process has user 0, and this one user 10001")
    }

    @Test func aProcessThatSaysNothing() async throws {
        let (socket, _) = try listening()
        #expect(
            await failure { _ = try await HandoverRequest.make(at: path, within: .milliseconds(50)) }
                == "nothing can be taken over: the process at \(path) doesn't answer")
        withExtendedLifetime(socket) {}
    }

    /// One that ends before it has answered leaves everything to the next start.
    @Test func aProcessThatEnds() async throws {
        let (socket, next) = try listening()
        async let asked = HandoverRequest.make(at: path)
        withExtendedLifetime(await next()) {}
        #expect(try await asked == nil)
        withExtendedLifetime(socket) {}
    }

    @Test(arguments: ["{}", "hello", #"{"descriptors":{"names":["route"]}}"#, #"{"descriptors":{"names":["future"]}}"#])
    func aProcessThatIsNoProxy(says text: String) async throws {
        let (socket, next) = try listening()
        async let asked = failure { _ = try await HandoverRequest.make(at: path) }
        let line = try #require(await next())
        let passed = text.contains("future") ? [line] : []
        try DescriptorPacket(bytes: Array(text.utf8), descriptors: passed).send(over: line)
        let reason = try #require(await asked)
        #expect(reason.hasPrefix("nothing can be taken over: the process "), "\(reason)")
        withExtendedLifetime(socket) {}
    }
}
