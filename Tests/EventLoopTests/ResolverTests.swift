import EventLoop
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
}
