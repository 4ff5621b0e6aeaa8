import Connections
import DataPlane
import Ground
import Handover
import Logging
import Settings

/// The Proxy's sockets: inherited from whoever started it, or its own.
enum ListeningSockets {
    /// - Throws: `ListeningSocket.Failure` for an address that can't be listened on, `InheritedDescriptors.Failure` for
    ///   a descriptor that was passed but can't be used, `SettingsErrors` for an admin API that would be open to
    ///   everyone.
    static func open(
        _ settings: ProxySettings, _ inherited: InheritedDescriptors, _ logger: Logger
    ) throws -> (clients: DataPlane.Listeners, admin: ListeningSocket) {
        let taking = Taking(settings: settings, inherited: inherited, logger: logger)
        let clients = try taking.socket(
            .listen, managed: .managedListen, SettingTable.addresses.listen, settings.listen, "")
        let admin = try taking.socket(
            .admin, managed: .managedAdmin, SettingTable.addresses.admin, settings.admin, " for the admin API")
        // An address from the settings has already been checked there.
        guard settings.adminTokenFile != nil || admin.isLoopback else {
            throw SettingsErrors([
                settings.rejection(
                    of: SettingTable.addresses.admin, admin.address.description,
                    allowed: "an address of the loopback, or any with \(SettingTable.admin.tokenFile.name.flag)")
            ])
        }
        let preview = try settings.preview.map { endpoint in
            try taking.socket(
                .preview, managed: .managedPreview, SettingTable.preview.address, endpoint, " for the preview")
        }
        guard preview.map({ settings.mayBeReached($0) }) ?? true else {
            throw SettingsErrors([
                settings.rejection(
                    of: SettingTable.preview.address, preview?.address.description ?? "",
                    allowed: "an address of the loopback, or any with "
                        + "\(SettingTable.clientTLS.clientAuthority.name.flag) or "
                        + SettingTable.preview.isOpen.name.flag)
            ])
        }
        // A socket that this process has no use for closes here: a client would wait at it for ever.
        if preview == nil, try inherited.takeListeningSocket(.managedPreview) != nil {
            logger.warning(
                "the service manager's socket for the preview is closed, as --preview is off")
        }
        _ = inherited.takeAll(.preview)
        return (DataPlane.Listeners(main: clients, preview: preview), admin)
    }

    private struct Taking {
        var settings: ProxySettings
        var inherited: InheritedDescriptors
        var logger: Logger

        func socket(
            _ own: InheritedDescriptors.Name, managed: InheritedDescriptors.Name, _ setting: some DeclaredSetting,
            _ endpoint: Endpoint, _ purpose: String
        ) throws -> ListeningSocket {
            if let socket = try inherited.takeListeningSocket(managed) {
                let socket = ListeningSocket(socket, isManaged: true)
                if settings.source(of: setting) != .standard, !socket.serves(endpoint) {
                    logger.warning(
                        "the service manager's socket decides on the address, not the settings",
                        metadata: [
                            "setting": "\(setting.name.flag)", "address": "\(socket.address)", "given": "\(endpoint)",
                        ])
                }
                return socket
            }
            // If the settings have changed since the other process read them, the new ones count.
            if let socket = try inherited.takeListeningSocket(own).map({ ListeningSocket($0) }), socket.serves(endpoint)
            {
                return socket
            }
            return try ListeningSocket.open(endpoint, purpose: purpose)
        }
    }
}

extension ProxySettings {
    /// Whether the preview's socket is open to those alone who may reach an unreleased version. An address from the
    /// settings has already been checked there, one from a service manager hasn't.
    fileprivate func mayBeReached(_ preview: ListeningSocket) -> Bool {
        preview.isLoopback || previewIsOpen || tls?.clientAuthority != nil
    }
}
