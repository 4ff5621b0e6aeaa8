import HTTP2

extension Connection {
    /// Why a PING is sent; the peer returns it as the payload.
    public enum Ping: UInt64 {
        /// To check that the peer is there.
        case keepalive = 0x736c_7569_6365_0001
        /// To measure how much is under way.
        case bandwidth
        /// To learn that the peer has seen the GOAWAY sent before it.
        case goAway
    }

    package final func submit(_ ping: Ping) {
        submitPing(ping.rawValue)
        markDirty()
    }
}
