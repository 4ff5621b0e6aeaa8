import Connections
import EventLoop
import Testing

@Suite struct PeerTests {
    private func peer(_ address: String, port: UInt16 = 1) -> Peer { Peer(SocketAddress(numeric: address, port: port)) }

    @Test func isAnIPv4AddressWhateverThePort() {
        #expect(peer("10.0.0.1", port: 1) == peer("10.0.0.1", port: 2))
        #expect(peer("10.0.0.1") != peer("10.0.0.2"))
        #expect(peer("10.0.0.1").description == "10.0.0.1")
        // IPv4 as a socket that listens on :: shows it. Taken as IPv6, all of IPv4 would be a single network.
        #expect(peer("::ffff:10.0.0.1") == peer("10.0.0.1"))
        #expect(peer("::ffff:10.0.0.1") != peer("::ffff:10.0.0.2"))
    }

    @Test func isAnIPv6Network() {
        #expect(peer("2001:db8:1:2::1") == peer("2001:db8:1:2:ffff::9"))
        #expect(peer("2001:db8:1:2::1") != peer("2001:db8:1:3::1"))
        #expect(peer("2001:db8:1:2::1").description == "2001:db8:1:2::/64")
    }

    @Test func isAnIdentityWhereverItConnectsFrom() {
        #expect(Peer.identity("ab") == Peer.identity("ab") && Peer.identity("ab") != Peer.identity("cd"))
        #expect(Peer.identity("ab").description == "certificate ab")
        #expect(Peer(nil) == .unknown && Peer(nil) != peer("0.0.0.0"))
    }
}
