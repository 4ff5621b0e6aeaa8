import Connections
import EventLoop
import HTTP2

/// Which ends of a call its client answers for.
extension ClientConnection {
    func endedCleanly(_ call: Call) {
        if !call.isRefusedAsItCame { endedCleanly() }
    }

    /// Charges the budgets for a call that was given up, by a reset or with the connection.
    ///
    /// - Returns: whether the connection may go on.
    func endedUncleanly(_ call: Call) -> Bool {
        guard call.upstreamReset == nil, call.proxyAnswer == nil || call.isRefusedAsItCame else { return true }
        return endedUncleanly(deadline: call.isRefusedAsItCame ? nil : call.ownDeadline, began: call.began)
    }
}
