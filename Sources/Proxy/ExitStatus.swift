import Connections
import ArgumentParser
import ControlPlane
import DataPlane
import Handover
import Settings

/// The Proxy's exit status, with the numbers of sysexits(3).
package enum ExitStatus {
    /// Ended by a signal, in order.
    package static let success = ExitCode.success
    /// A setting can't be used.
    package static let usage = ExitCode(64)
    /// The state file is torn, damaged or not a state file of Sluice; or an audit log's chain is broken.
    package static let badState = ExitCode(65)
    /// An audit log to verify can't be read.
    package static let noInput = ExitCode(66)
    /// An address can't be listened on, another Proxy holds the state file, the one to take over from goes on itself, or
    /// the network is gone.
    package static let unavailable = ExitCode(69)
    /// An internal error.
    package static let software = ExitCode(70)
    /// A file can't be read or written.
    package static let inputOutput = ExitCode(74)

    /// The exit status for an error.
    package static func of(_ error: any Error) -> ExitCode {
        switch error {
        case is SettingsErrors, is InheritedDescriptors.Failure: usage
        case StateStore.Failure.unreadable, AuditVerification.Failure.broken: badState
        case AuditVerification.Failure.unreadable: noInput
        case let error as DataPlane.SetUpError where error.cause == .accessLog: inputOutput
        case StateStore.Failure.inUse, is DataPlane.SetUpError, is ListeningSocket.Failure, is Predecessor.Failure:
            unavailable
        case HandoverSocket.Failure.refused, is NetworkWatch.Lost: unavailable
        case is EventDelivery.FileFailure: inputOutput
        case StateStore.Failure.file, is AuditLog.Failure, HandoverSocket.Failure.path: inputOutput
        default: software
        }
    }
}
