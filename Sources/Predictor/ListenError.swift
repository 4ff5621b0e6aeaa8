import Connections
import Ground

/// An address that can't be listened on.
struct ListenError: Error, CustomStringConvertible {
    /// The setting that contains the address or the port.
    let setting: PredictorSetting
    let address: HostPort
    let reason: String

    var description: String { "\(setting.variable): can't listen on \(address): \(reason)" }
}

extension ListeningSocket {
    /// Listens on the address of a setting.
    static func open(_ address: HostPort, of setting: PredictorSetting) throws(ListenError) -> ListeningSocket {
        do throws(Failure) {
            return try open(address)
        } catch {
            throw ListenError(setting: setting, address: address, reason: error.reason)
        }
    }
}
