import Connections
import HTTP2

/// Header lists that can't be passed on unchanged, as they are larger than their receiver takes.
extension UpstreamConnection {
    /// The answer to a call whose header list is larger than the endpoint announces it takes; `nil` if it may be sent.
    /// Netty and others end the connection over a list that is larger still.
    func refusal(of list: HeaderList) -> ProxyAnswer? {
        guard list.listSize > mostListBytes else { return nil }
        return ProxyAnswer(
            kind: .headersTooLarge, message: "\(pool.color) takes no header list over \(mostListBytes) bytes")
    }

    /// Whether a list is within the limits, both here and at the call's client, which may end its connection over a
    /// longer one.
    func isShort(_ list: HeaderList, for call: Call) -> Bool {
        guard !list.isTruncated, case .open(let client, _) = call.client else { return !list.isTruncated }
        return list.listSize <= client.use { $0.peerMaxHeaderListSize }
    }

    func responseTooLarge(for call: Call) -> ProxyAnswer {
        let limits = worker.limits
        guard case .open(let client, _) = call.client else { return .responseTooLarge(pool.color.name, limits) }
        return .responseTooLarge(pool.color.name, limits, client: client.use { $0.peerMaxHeaderListSize })
    }

    /// Cuts a list down to the call's status, which is passed on even if the other fields are too large.
    func cutToStatus(_ list: HeaderList) -> HeaderList {
        worker.host.log.count(.responseTrailers)
        let own = headerLists.own(list)
        own.removeAllButStatus()
        return own
    }

    /// A response's head with the proof of who answers, if clients are told; as it is if it would become larger than the
    /// client takes.
    func announced(_ head: HeaderList, for call: Call) -> HeaderList {
        guard worker.announces, let destination = call.destination, case .open(let client, _) = call.client else {
            return head
        }
        let fields = [("sluice-color", destination.color.name), ("sluice-epoch", String(destination.epoch))]
        // Counted as in RFC 9113, section 6.5.2.
        let size = fields.reduce(head.listSize) { $0 + $1.0.utf8.count + $1.1.utf8.count + 32 }
        guard size <= client.use({ $0.peerMaxHeaderListSize }) else { return head }
        let own = headerLists.own(head)
        for (name, value) in fields { own.append(name: name, value: value) }
        headerLists.recount(own)
        return own
    }
}
