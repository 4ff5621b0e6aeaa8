import Connections

extension ConnectionRegistry {
    /// Copies the peers' shares into a report. On the thread on which connections are accepted.
    package func contribute(to report: inout TrafficReport) {
        report.peers = peerCount
        report.largestPeer = largestShare.map {
            TrafficReport.PeerShare(name: $0.peer.description, connections: $0.connections)
        }
    }
}
