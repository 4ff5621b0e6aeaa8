import DataPlane
import Handover
import Logging
import Settings

/// The Proxy's two sockets: passed on by whoever has started it, or its own.
enum ListeningSockets {
    /// - Throws: `ListeningSocket.Failure` for an address that can't be listened on, `InheritedDescriptors.Failure` for
    ///   what was passed and can't be used, `SettingsErrors` for an admin API that everyone could use.
    static func open(
        _ settings: ProxySettings, _ inherited: InheritedDescriptors, _ logger: Logger
    ) throws -> (clients: ListeningSocket, admin: ListeningSocket) {
        let clients = try take(.listen, .listen, settings.listen, "", settings, inherited, logger)
        let admin = try take(.admin, .admin, settings.admin, " for the admin API", settings, inherited, logger)
        // Of an address in the settings that is checked there.
        guard settings.adminTokenFile != nil || admin.isLoopback else {
            throw SettingsErrors([
                SettingsError(
                    .admin, admin.address.description, from: settings.source(of: .admin),
                    allowed: "an address of the loopback, or any with \(SettingName.adminTokenFile.flag)")
            ])
        }
        return (clients, admin)
    }

    private static func take(
        _ name: InheritedDescriptors.Name, _ setting: SettingName, _ endpoint: Endpoint, _ purpose: String,
        _ settings: ProxySettings, _ inherited: InheritedDescriptors, _ logger: Logger
    ) throws -> ListeningSocket {
        guard let socket = try inherited.takeListeningSocket(name).map({ ListeningSocket($0) }) else {
            return try ListeningSocket.open(endpoint, purpose: purpose)
        }
        if socket.serves(endpoint) { return socket }
        switch inherited.origin {
        case .nobody, .predecessor:
            // The settings have changed since the other process has read them.
            return try ListeningSocket.open(endpoint, purpose: purpose)
        case .serviceManager:
            if settings.source(of: setting) != .standard {
                logger.warning(
                    "the service manager's socket decides on the address, not the settings",
                    metadata: ["setting": "\(setting.flag)", "address": "\(socket.address)", "given": "\(endpoint)"])
            }
            return socket
        }
    }
}
