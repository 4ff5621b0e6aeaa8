import Connections
import EventLoop
import Testing

@Suite struct AddressRangeTests {
    @Test(arguments: [
        ("10.0.0.0/8", "10.255.1.2", true), ("10.0.0.0/8", "11.0.0.0", false), ("10.0.0.0/8", "a00::", false),
        ("192.168.4.0/22", "192.168.7.255", true), ("192.168.4.0/22", "192.168.8.0", false),
        ("192.168.4.0/22", "192.168.3.255", false), ("127.0.0.2", "127.0.0.2", true), ("127.0.0.2", "127.0.0.3", false),
        ("0.0.0.0/0", "8.8.8.8", true), ("0.0.0.0/0", "::1", false), ("::/0", "::1", true),
        ("fd00::/8", "fdff::1", true), ("fd00::/8", "fc00::1", false), ("2001:db8::/33", "2001:db8:7fff::", true),
        ("2001:db8::/33", "2001:db8:8000::", false), ("::1", "::1", true), ("::1/128", "::2", false),
    ])
    func contains(range: String, address: String, expected: Bool) throws {
        let range = try #require(AddressRange(range))
        let address = try #require(SocketAddress(numeric: address, port: 7))
        #expect(range.contains(address) == expected)
    }

    @Test func knowsAnIPv4AddressThatIsShownAsIPv6() throws {
        let mapped = try #require(SocketAddress(numeric: "::ffff:10.1.2.3", port: 7))
        #expect(AddressRange("10.0.0.0/8")?.contains(mapped) == true)
        #expect(AddressRange("11.0.0.0/8")?.contains(mapped) == false)
        #expect(AddressRange("::/0")?.contains(mapped) == false)
    }

    @Test(arguments: [
        "", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0.1/8", "::/129",
        "10.0.0", "lb.example", "lb.example/8", " 10.0.0.0/8", "10.0.0.0/ 8", "fd00::1/8", "[::1]",
    ])
    func refuses(text: String) {
        #expect(AddressRange(text) == nil)
    }

    @Test func isWrittenInOneWay() {
        #expect(AddressRange("10.0.0.0/8")?.description == "10.0.0.0/8")
        #expect(AddressRange("127.0.0.1")?.description == "127.0.0.1/32")
        #expect(AddressRange("FD00:0::/8")?.description == "fd00::/8")
    }
}
