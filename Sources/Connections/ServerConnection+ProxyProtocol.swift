import EventLoop
import Ground
import TLS

/// Connections through a load balancer, which names the client in a header of its own before the client's first byte.
extension ServerConnection {
    /// Reads as much of the header as has come, and no byte beyond it.
    ///
    /// - Returns: whether the header is complete and the client's bytes come next.
    final func readProxyHeader() -> Bool {
        while let missing = proxyHeader?.missing {
            let room = unsafe UnsafeMutableRawBufferPointer(rebasing: host.input[..<min(missing, host.input.count)])
            switch unsafe transport.socket.read(into: room) {
            case .wouldBlock: return false
            case .end:
                close("the load balancer has closed the connection")
                return false
            case .failed(let error):
                close(error.reason)
                return false
            case .bytes(let count):
                switch unsafe proxyHeader?.take(UnsafeRawBufferPointer(rebasing: room[..<count])) {
                case nil: continue
                case .own?: proxyHeader = nil
                case .proxied(let address)?:
                    proxyHeader = nil
                    beNamed(address)
                case .refused(let reason)?:
                    self.count(.proxyProtocol, reason)
                    close(reason)
                    return false
                }
            }
        }
        return true
    }

    /// Takes the client's address from the load balancer's header.
    private func beNamed(_ address: SocketAddress) {
        peerAddress = address
        if let former = registration.share {
            registration.registry.left(former)
            registration.share = nil
        }
        guard !host.limits.trustedPeers.contains(address) else { return }
        let share = Peer(address)
        registration.share = share
        registration.registry.named(share, on: host) { [host, id = ObjectIdentifier(self)] in
            host.refuse(id, share)
        }
    }

    /// Closes the connection, as its peer has the most connections already.
    final func refuseShare() {
        report(.warning, "refusing a connection of the peer that has most", of: .peerConnections)
        close("the peer has most of the connections")
    }
}
