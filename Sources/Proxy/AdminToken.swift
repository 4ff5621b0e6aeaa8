import ControlPlane
import FoundationEssentials
import Settings

extension BearerToken {
    /// Reads the admin API's token from the file that the settings name.
    ///
    /// - Returns: `nil` if they name none.
    /// - Throws: `SettingsErrors` for a file that can't be read or holds no token.
    package static func read(_ settings: ProxySettings) throws(SettingsErrors) -> BearerToken? {
        guard let path = settings.adminTokenFile else { return nil }
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw SettingsErrors([
                settings.rejection(
                    of: SettingTable.admin.tokenFile, path, allowed: "a file that exists and can be read")
            ])
        }
        let secret = text.split(whereSeparator: \.isNewline).map { $0.filter { $0 != "\r" } }
        guard secret.count == 1, let token = BearerToken(name: URL(filePath: path).lastPathComponent, secret: secret[0])
        else {
            throw SettingsErrors([
                settings.rejection(
                    of: SettingTable.admin.tokenFile, path,
                    allowed: "a file with one line of printable ASCII without spaces")
            ])
        }
        return token
    }
}
