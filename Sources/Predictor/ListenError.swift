/// An address that can't be listened on.
struct ListenError: Error, CustomStringConvertible {
    /// The name of the setting that contains the address or the port.
    let setting: String
    let address: String
    let reason: String

    var description: String { "\(setting): can't listen on \(address): \(reason)" }
}
