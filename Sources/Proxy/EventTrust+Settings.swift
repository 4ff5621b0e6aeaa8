import Certificates
import ControlPlane
import Ground
import Settings

extension EventTrust {
    /// What events are signed with, and the receiver's authorities; `nil` if there are no events.
    ///
    /// - Throws: `SettingsErrors` that name the file that can't be used.
    package static func make(_ settings: ProxySettings) throws(SettingsErrors) -> EventTrust? {
        guard let address = settings.onEvent else { return nil }
        let key = try key(settings)
        do {
            return try EventTrust(key: key, authority: settings.onEventAuthority, isSecure: address.isSecure)
        } catch {
            throw SettingsErrors([
                settings.rejection(
                    of: SettingTable.events.authority, settings.onEventAuthority ?? "",
                    allowed: "a PEM file with certificates; \(error)")
            ])
        }
    }

    /// Reads both files again.
    func reload(_ settings: ProxySettings) throws {
        try set(key: try Self.key(settings), authority: settings.onEventAuthority)
    }

    private static func key(_ settings: ProxySettings) throws(SettingsErrors) -> EventKey? {
        guard let path = settings.onEventKeyFile else { return nil }
        let bytes: [UInt8]?
        do {
            bytes = try RegularFile(path: path).descriptor.readAll(limit: EventKey.sizes.upperBound + 2)
        } catch {
            bytes = nil
        }
        guard let key = bytes.flatMap({ EventKey($0) }) else {
            throw SettingsErrors([
                settings.rejection(
                    of: SettingTable.events.keyFile, path,
                    allowed: "a file that can be read, with a key of \(EventKey.sizes.lowerBound) to "
                        + "\(EventKey.sizes.upperBound) bytes")
            ])
        }
        return key
    }
}

extension ReloadableCertificate {
    /// The files that events are sent with; `nil` if there are none.
    static func forEvents(_ settings: ProxySettings, _ trust: EventTrust?) -> ReloadableCertificate? {
        guard let trust else { return nil }
        let files = [settings.onEventKeyFile, settings.onEventAuthority].compactMap { $0 }
        guard !files.isEmpty else { return nil }
        return ReloadableCertificate(use: .events, expiry: nil, files: files) {
            try trust.reload(settings)
            return nil
        }
    }
}
