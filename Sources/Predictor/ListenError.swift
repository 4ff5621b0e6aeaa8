import Glibc
import Ground
import NIOCore

/// A port that can't be listened on.
struct ListenError: Error, CustomStringConvertible {
    /// The name of the setting that contains the port.
    let setting: String
    /// `address:port`.
    let address: String
    let reason: String

    var description: String { "\(setting): can't listen on \(address): \(reason)" }

    /// The system's error code behind a server's error; nil if there is none.
    static func errorNumber(of error: any Error) -> Int32? {
        switch error {
        case let error as IOError: error.errnoCode
        default: nil
        }
    }

    /// The system's text for an error code, for example `address already in use`.
    static func text(of errorNumber: Int32) -> String {
        SystemError(operation: "listen", code: errorNumber).reason
    }
}

/// An address and a port as people write them, with an IPv6 address in brackets.
func endpoint(_ host: String, _ port: Int) -> String {
    HostPort(host: host, port: UInt16(clamping: port)).description
}
