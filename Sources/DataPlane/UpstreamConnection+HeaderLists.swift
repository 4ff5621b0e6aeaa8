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
        worker.log.count(.responseTrailers)
        let own = headerLists.own(list)
        own.removeAllButStatus()
        return own
    }
}
