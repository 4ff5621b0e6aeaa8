import EventLoop
import Connections

/// How clients come to a worker and leave it.
extension Worker {
    /// The connections of clients.
    var clients: [ClientConnection] {
        // `makeConnection` makes no others.
        host.clients.values.map { unsafe unsafeDowncast($0, to: ClientConnection.self) }
    }

    /// Takes the client's calls off what they wait for, as its connection is closed.
    func clientLeaves(_ connection: ClientConnection) {
        for upstream in upstreams.values { upstream.clientLeaves(connection) }
    }

    /// The log name of a client that is still connected.
    func name(ofClient number: UInt64) -> String? {
        host.clients.values.first { $0.number == number }?.peerName
    }

    /// Every call whose client is still there.
    var openCalls: [Call] { clients.flatMap(\.calls).map(\.object) }
}
