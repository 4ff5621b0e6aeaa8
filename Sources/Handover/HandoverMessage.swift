import ControlPlane
import DataPlane

/// What the new process says to the one it takes over from.
package enum SuccessorMessage: Codable, Sendable, Equatable {
    /// Settings, certificates and sockets are fine: it could take over at once.
    ///
    /// - Parameters:
    ///   - version: of these messages, the oldest that it speaks; a process hands nothing over to one that speaks no version
    ///     that it speaks itself.
    ///   - newest: the newest; the first version said nothing of that, and spoke no other.
    case prepared(version: Int, newest: Int? = nil)
    /// It serves clients and the admin API.
    case ready
    /// It can't, and ends.
    case failed(reason: String)
    /// What is left? Answered with `PredecessorMessage.left`.
    case report(id: UInt64)
    /// Answered with `drained` once no call that began on the color before the epoch is left, or with `left` where the time
    /// is up first.
    ///
    /// - Parameter within: in seconds; a process that doesn't know it yet leaves it out, or takes as long as it takes.
    case waitUntilDrained(id: UInt64, color: Color, epoch: UInt64, within: Double? = nil)
    /// As `TrafficControl.endCalls`; the time in seconds.
    case endCalls(color: Color, epoch: UInt64, spread: Double)
    case cancelDrain
    /// The new process ends: calls get the shutdown's grace from now on.
    case shutDown

    /// The versions that this build speaks: in 3 a message may come in pieces that tell its length (`MessagePieces`), in 2 in
    /// pieces of which the last is marked, which this build only reads, and in 1 each is one packet.
    package static let versions = 1...3
    /// From this one on a process is told more than a packet takes.
    static let firstWithPieces = 3
}

/// What a process says to the one that takes over from it.
package enum PredecessorMessage: Codable, Sendable, Equatable {
    case takeOver(Takeover)
    case left(id: UInt64, LeftBehind)
    case drained(id: UInt64)
}

/// All that a new process takes over, besides sockets and files.
package struct Takeover: Codable, Sendable, Equatable {
    /// The switch state: its changes, the newest first.
    package var history: [Change]
    package var health: [ColorHealth]
    /// The drain under way.
    package var drain: Drainer.Progress?

    package init(history: [Change], health: [ColorHealth], drain: Drainer.Progress?) {
        self.history = history
        self.health = health
        self.drain = drain
    }
}

/// The calls that a process which was taken over from is still finishing.
package struct LeftBehind: Codable, Sendable, Equatable {
    package struct Calls: Codable, Sendable, Equatable {
        package var epoch: UInt64
        package var color: Color
        package var calls: Int
    }

    package var inFlight: [Calls]
    /// Calls that drains have ended there, by color.
    package var drainedOnBlue: Int
    package var drainedOnGreen: Int

    package init(_ report: TrafficReport) {
        inFlight = report.inFlight.map { Calls(epoch: $0.epoch, color: $0.color, calls: $0.calls) }
        drainedOnBlue = report.colors.blue.drained
        drainedOnGreen = report.colors.green.drained
    }
}
