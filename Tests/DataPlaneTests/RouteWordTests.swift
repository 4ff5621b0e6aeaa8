import DataPlane
import Testing

@Suite struct RouteWordTests {
    @Test(arguments: [
        Route(epoch: 0, active: .green), Route(epoch: 1, active: .blue, share: Share(parts: 1)),
        Route(epoch: Route.epochs.upperBound - 1, active: .green, share: .all),
        Route(epoch: 77, active: .blue, share: Share(parts: 2_500)),
    ])
    func holdsARoute(route: Route) throws {
        #expect(try RouteWord(route).load() == route)
        let word = try RouteWord(Route(epoch: 5, active: .blue))
        word.store(route)
        #expect(word.load() == route)
    }

    /// As in a process that has been taken over from, whose workers assign calls as the new one's do.
    @Test func sharesItsSecret() throws {
        let word = try RouteWord(Route(epoch: 1, active: .blue))
        let other = try RouteWord(sharing: word.descriptor)
        word.set(secret: ShareSecret(3, 4))
        word.store(Route(epoch: 2, active: .blue, share: Share(parts: 5)))
        #expect(other.secret == ShareSecret(3, 4) && other.load().share == Share(parts: 5))
    }

    @Test func namesColors() {
        #expect(Color(name: "blue") == .blue && Color(name: "green") == .green && Color(name: "Blue") == nil)
        #expect(Color.allCases.map(\.other) == [.green, .blue])
        #expect(Color.allCases.map { Color(name: $0.name) } == Color.allCases)
    }
}
