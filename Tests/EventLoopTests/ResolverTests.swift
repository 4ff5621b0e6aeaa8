import EventLoop
import Glibc
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct ResolverTests {
    private func resolve(_ host: String, with resolver: Resolver = Resolver()) async -> Resolver.Outcome {
        await withCheckedContinuation { continuation in
            resolver.resolve(host: host, port: 7) { continuation.resume(returning: $0) }
        }
    }

    @Test func takesNumericAddressesAsTheyAre() async {
        #expect(await resolve("127.0.0.1") == .addresses([SocketAddress(numeric: "127.0.0.1", port: 7)!]))
    }

    @Test func resolvesNamesTimeAndAgain() async {
        let resolver = Resolver()
        for _ in 0..<3 {
            guard case .addresses(let addresses) = await resolve("localhost", with: resolver) else {
                Issue.record("localhost can't be resolved")
                continue
            }
            #expect(!addresses.isEmpty && addresses.allSatisfy { $0.isLoopback && $0.port == 7 })
        }
    }

    @Test func saysWhyANameCannotBeResolved() async {
        guard case .failed(let reason) = await resolve("name.invalid") else {
            Issue.record("name.invalid was resolved")
            return
        }
        #expect(!reason.isEmpty)
    }

    @Test func anUnansweredNameDelaysNoOther() async {
        let names = SlowNames()
        let resolver = Resolver(lookUp: names.lookUp)
        async let slow = resolve("slow", with: resolver)
        await names.waitForLookUps(1)
        #expect(await resolve("quick", with: resolver) == .failed(reason: "quick"))
        names.answer()
        #expect(await slow == .failed(reason: "slow"))
    }

    @Test func equalQuestionsShareAnAnswer() async {
        let names = SlowNames()
        let resolver = Resolver(lookUp: names.lookUp)
        let outcomes = await withTaskGroup(of: Resolver.Outcome.self) { group in
            group.addTask { await resolve("slow", with: resolver) }
            await names.waitForLookUps(1)
            let asked = Atomic(0)
            for _ in 0..<10 {
                resolver.resolve(host: "slow", port: 7) { _ in asked.add(1, ordering: .relaxed) }
            }
            names.answer()
            while asked.load(ordering: .relaxed) < 10 { await Task.yield() }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes == [.failed(reason: "slow")])
        #expect(names.lookUps == 1)
    }

    @Test func questionsBeyondTheThreadsWaitForTheirTurn() async {
        let names = SlowNames()
        let resolver = Resolver(lookUp: names.lookUp)
        let count = Resolver.threadLimit + 5
        let outcomes = await withTaskGroup(of: Resolver.Outcome.self) { group in
            for i in 0..<count { group.addTask { await resolve("slow-\(i)", with: resolver) } }
            await names.waitForLookUps(Resolver.threadLimit)
            #expect(names.lookUps == Resolver.threadLimit)
            names.answer()
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.count == count)
        #expect(names.lookUps == count)
    }
}

/// A resolver whose names that begin with `slow` get no answer until `answer` is called.
private final class SlowNames: Sendable {
    private let mayAnswer = Atomic(false)
    private let slowLookUps = Atomic(0)

    var lookUps: Int { slowLookUps.load(ordering: .sequentiallyConsistent) }

    func lookUp(host: String, port: UInt16) -> Resolver.Outcome {
        if host.hasPrefix("slow") {
            slowLookUps.add(1, ordering: .sequentiallyConsistent)
            while !mayAnswer.load(ordering: .sequentiallyConsistent) { usleep(1000) }
        }
        return .failed(reason: host)
    }

    func answer() {
        mayAnswer.store(true, ordering: .sequentiallyConsistent)
    }

    func waitForLookUps(_ count: Int) async {
        while lookUps < count { await Task.yield() }
    }
}
