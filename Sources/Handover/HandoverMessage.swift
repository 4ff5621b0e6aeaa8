import ControlPlane
import DataPlane

/// The first packet on a line that a new process has connected to a handover socket.
package enum Greeting: Codable, Sendable, Equatable {
    /// The packet's descriptors, by name and in order; the handover goes on as over any other line.
    case descriptors(names: [String])
    /// The process goes on itself, and closes the line.
    case refused(reason: String)
}

/// A message from the new process to the one it takes over from.
package enum SuccessorMessage: Codable, Sendable, Equatable {
    /// Settings, certificates and sockets are fine: the new process could take over at once.
    ///
    /// - Parameter version: the version of these messages that the new process speaks; a process hands over only to one
    ///   that speaks its own.
    case prepared(version: Int)
    /// The new process has taken over (`TakeoverDecision`): it serves clients, and now the admin API, too.
    case ready
    /// The new process can't take over, and ends.
    case failed(reason: String)
    /// Asks which calls are left. Answered with `PredecessorMessage.left`.
    case report(id: UInt64)
    /// Answered with `drained` once no call is left that began on the color before the epoch, or with `left` if the
    /// time is up first.
    ///
    /// - Parameters:
    ///   - scope: `nil` from earlier builds, which asked for those that were placed.
    ///   - within: in seconds.
    case waitUntilDrained(id: UInt64, color: Color, epoch: UInt64, scope: CallScope?, within: Double)
    /// Like `TrafficControl.endCalls`; the time is in seconds.
    case endCalls(color: Color, epoch: UInt64, spread: Double)
    case cancelDrain
    /// The new process ends: calls have the shutdown's grace from now on.
    case shutDown

    /// The version that this build speaks. A change of these messages, or of how they are sent (`MessagePieces`), needs
    /// the next number if an older process would misunderstand it.
    package static let version = 3
}

/// A message from a process to the one that takes over from it.
package enum PredecessorMessage: Codable, Sendable, Equatable {
    case takeOver(Takeover)
    /// The process goes on itself; the new one may have ended by then.
    case refused(reason: String)
    case left(id: UInt64, LeftBehind)
    case drained(id: UInt64)
}

/// Everything that a new process takes over, besides sockets and files.
package struct Takeover: Codable, Sendable, Equatable {
    /// The changes, and the releases with the one under way.
    package var state: SwitchState
    /// The health of both colors, blue first.
    package var health: [ColorHealth]
    /// The drain in progress.
    package var drain: Drainer.Progress?

    package init(state: SwitchState, health: [ColorHealth], drain: Drainer.Progress?) {
        self.state = state
        self.health = health
        self.drain = drain
    }
}

/// The calls that a process which has been taken over from is still finishing.
package struct LeftBehind: Codable, Sendable, Equatable {
    /// Calls that began under one epoch and color.
    package struct Calls: Codable, Sendable, Equatable {
        /// The epoch that the calls began under.
        package var epoch: UInt64
        /// The color that takes the calls.
        package var color: Color
        /// Number of calls, 1 or more.
        package var calls: Int

        init(_ entry: TrafficReport.InFlight) {
            epoch = entry.epoch
            color = entry.color
            calls = entry.calls
        }
    }

    /// Calls in flight, one entry for each epoch and color that has any.
    package var inFlight: [Calls]
    /// As `inFlight`, of calls that asked for their color; `nil` from earlier builds, which didn't count them.
    package var askedFor: [Calls]?
    /// Calls that drains have ended there on blue.
    package var drainedOnBlue: Int
    /// Calls that drains have ended there on green.
    package var drainedOnGreen: Int

    package init(_ report: TrafficReport) {
        inFlight = report.inFlight.map(Calls.init)
        askedFor = report.askedFor.map(Calls.init)
        drainedOnBlue = report.colors.blue.drained
        drainedOnGreen = report.colors.green.drained
    }
}
