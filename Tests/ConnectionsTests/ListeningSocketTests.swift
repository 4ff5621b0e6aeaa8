import Connections
import EventLoop
import Ground
import TestSupport
import Testing

@Suite struct ListeningSocketTests {
    private func text(_ endpoint: HostPort, purpose: String = "") -> String {
        do {
            _ = try ListeningSocket.open(endpoint, purpose: purpose)
            return "opened"
        } catch {
            return error.description
        }
    }

    @Test func saysWhenItsAddressIsTaken() throws {
        let first = try ListeningSocket.open(HostPort(host: "127.0.0.1", port: 0))
        #expect(first.address.port != 0)
        #expect(text(first.address) == "cannot listen on \(first.address): address already in use")
        #expect(
            text(first.address, purpose: " for the admin API")
                == "cannot listen on \(first.address) for the admin API: address already in use")
    }

    @Test func saysWhenItsNameDoesNotResolve() {
        let text = text(HostPort(host: "name.invalid", port: 0), purpose: " for the admin API")
        // The second reason is what a machine without a name server gives.
        let reasons = ["Name or service not known", "Temporary failure in name resolution"]
        #expect(reasons.contains { text == "cannot listen on name.invalid:0 for the admin API: \($0)" })
    }

    @Test func knowsWhatItServes() throws {
        let socket = try ListeningSocket.open(HostPort(host: "127.0.0.1", port: 0))
        let port = socket.address.port
        #expect(socket.serves(socket.address))
        #expect(socket.serves(HostPort(host: "127.0.0.1", port: 0)))
        #expect(!socket.serves(HostPort(host: "127.0.0.1", port: port ^ 1)))
        #expect(!socket.serves(HostPort(host: "0.0.0.0", port: port)))
        #expect(socket.isLoopback)
    }

    @Test func listensOnAUnixSocket() throws {
        let folder = TemporaryFolder()
        let endpoint = try #require(HostPort(unixPath: folder.file("s")))
        var first: ListeningSocket? = try ListeningSocket.open(endpoint)
        #expect(first?.address == endpoint)
        #expect(first?.isLoopback == true && first?.serves(endpoint) == true)
        #expect(first?.serves(HostPort(host: "127.0.0.1", port: 0)) == false)
        #expect(try first?.socket.accept() == nil)
        let client = try Socket.connect(to: try #require(SocketAddress(literal: endpoint.host, port: 0)))
        #expect(client.connectionError() == nil)
        let accepted = try #require(try first?.socket.accept())
        #expect(Peer(accepted.peerAddress) == .unix)
        #expect(text(endpoint) == "cannot listen on \(endpoint): address already in use")
        // What a process that is gone has left is replaced.
        first = nil
        let second = try ListeningSocket.open(endpoint)
        #expect(second.address == endpoint)
        let other = try #require(Socket(listening: second.descriptor))
        #expect(ListeningSocket(other).address == endpoint)
    }

    @Test func leavesAFileThatIsNoSocket() throws {
        let folder = TemporaryFolder()
        folder.write("f", "kept")
        let endpoint = try #require(HostPort(unixPath: folder.file("f")))
        #expect(
            text(endpoint)
                == "cannot listen on \(endpoint): there is a file of that name, which is no socket and is left as it is"
        )
        let missing = try #require(HostPort(unixPath: folder.file("no/s")))
        #expect(text(missing) == "cannot listen on \(missing): no such file or directory")
    }

    @Test func isTakenOverByItsDescriptor() throws {
        let socket = try ListeningSocket.open(HostPort(host: "127.0.0.1", port: 0))
        let other = try #require(Socket(listening: socket.descriptor))
        #expect(ListeningSocket(other).address == socket.address)
        let client = try Socket.connect(
            to: try #require(SocketAddress(numeric: "127.0.0.1", port: socket.address.port)))
        #expect(Socket(listening: client.descriptor) == nil)
    }
}
