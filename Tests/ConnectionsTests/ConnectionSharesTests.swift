import Connections
import Testing

@Suite struct ConnectionSharesTests {
    private var shares = ConnectionShares()

    private mutating func join(_ number: UInt32, _ times: Int = 1, taken: Int = 0, limit: Int = 100) {
        for _ in 0..<times { #expect(shares.join(.ipv4(number), taken: taken, limit: limit) != .refuse) }
    }

    @Test mutating func admitsEveryoneWhileThereIsRoom() {
        for taken in 0..<75 { #expect(shares.join(.ipv4(1), taken: taken, limit: 100) == .take) }
        #expect(shares.largest?.connections == 75 && shares.peerCount == 1)
    }

    @Test mutating func thePeerWithMostGetsNoMoreAndMakesRoom() {
        join(1, 75)
        #expect(shares.join(.ipv4(1), taken: 75, limit: 100) == .refuse)
        #expect(shares.join(.ipv4(2), taken: 75, limit: 100) == .takeInPlace(of: .ipv4(1)))
        #expect(shares.largest?.connections == 75 && shares.peerCount == 2)
        // The peer with most is refused only while three quarters are taken.
        shares.leave(.ipv4(1))
        #expect(shares.join(.ipv4(1), taken: 75, limit: 100) == .refuse)
        #expect(shares.join(.ipv4(1), taken: 74, limit: 100) == .take)
    }

    @Test mutating func equalPeersDoNotMakeRoomForEachOther() {
        join(1, 40)
        join(2, 39)
        #expect(shares.join(.ipv4(2), taken: 79, limit: 100) == .take)
        #expect(shares.join(.ipv4(2), taken: 80, limit: 100) == .refuse)
        #expect(shares.join(.ipv4(1), taken: 80, limit: 100) == .refuse)
    }

    @Test mutating func aHundredthOfTheRoomIsNeverTooMuch() {
        for number in 0..<8_000 {
            #expect(shares.join(.ipv4(UInt32(number % 100)), taken: number, limit: 10_000) == .take)
        }
        // 80 each is less than a hundredth of the room.
        #expect(shares.join(.ipv4(200), taken: 8_000, limit: 10_000) == .take)
        join(1, 20, limit: 10_000)
        #expect(shares.join(.ipv4(201), taken: 8_020, limit: 10_000) == .takeInPlace(of: .ipv4(1)))
        #expect(shares.join(.ipv4(1), taken: 8_020, limit: 10_000) == .refuse)
    }

    @Test mutating func singleConnectionsAreNeverTooMany() {
        for number in 0..<100 { #expect(shares.join(.ipv4(UInt32(number)), taken: number, limit: 100) == .take) }
        #expect(shares.largest?.connections == 1 && shares.peerCount == 100)
    }

    @Test mutating func existingConnectionsCount() {
        join(1, 75)
        #expect(shares.join(.ipv4(1), taken: 75, limit: 100) == .refuse)
        shares.add(.ipv4(1))
        #expect(shares.largest?.connections == 76)
        for _ in 0..<76 { shares.leave(.ipv4(1)) }
        #expect(shares.largest == nil && shares.peerCount == 0)
    }

    @Test mutating func loadBalancersConnectionsTakeRoomToo() {
        join(1, 5)
        // The other connections are a load balancer's.
        #expect(shares.join(.ipv4(1), taken: 80, limit: 100) == .refuse)
        #expect(shares.join(.ipv4(2), taken: 80, limit: 100) == .takeInPlace(of: .ipv4(1)))
    }

    @Test mutating func knowsTheLargestAsTheyComeAndGo() {
        var model: [UInt32: Int] = [:]
        var state: UInt64 = 5
        for _ in 0..<20_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let peer = UInt32(state >> 40) % 7
            if state >> 33 & 1 == 0, let count = model[peer] {
                shares.leave(.ipv4(peer))
                model[peer] = count == 1 ? nil : count - 1
            } else {
                #expect(shares.join(.ipv4(peer), taken: 0, limit: 100) == .take)
                model[peer, default: 0] += 1
            }
            guard let largest = shares.largest else {
                #expect(model.isEmpty)
                continue
            }
            #expect(shares.peerCount == model.count && largest.connections == model.values.max())
            if case .ipv4(let number) = largest.peer { #expect(model[number] == largest.connections) }
        }
    }
}
