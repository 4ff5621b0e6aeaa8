import DataPlane
import DurationSyntax
import FoundationEssentials
import Ground
import HealthCheck

// Errors in combinations of settings, each of which is valid by itself.

extension ProxySettings {
    /// One error per contradiction; each names the setting that would have to change.
    var contradictions: [SettingsError] {
        addressContradictions + previewContradictions + copyContradictions + fileContradictions + adminTLSContradictions
            + clientTLSContradictions + eventContradictions
            + upstreamTLSContradictions + backoffContradictions
    }

    private var addressContradictions: [SettingsError] {
        let addresses = SettingTable.addresses
        var errors: [SettingsError] = []
        if adminTokenFile == nil && !admin.isLoopback {
            errors.append(
                rejection(
                    of: addresses.admin, admin.description,
                    allowed: "an address of the loopback (127.0.0.1, ::1, localhost), or any with "
                        + SettingTable.admin.tokenFile.name.flag))
        }
        if admin.port != 0 && admin.meets(listen) {
            errors.append(
                rejection(
                    of: addresses.admin, admin.description,
                    allowed: "an address other than that of \(addresses.listen.name.flag)"))
        }
        for (setting, color) in [(addresses.blue, Color.blue), (addresses.green, .green)] {
            errors += endpoints[color].filter { $0.meets(listen) }.map { endpoint in
                rejection(
                    of: setting, endpoint.description,
                    allowed: "upstreams, not the address the Proxy itself listens on")
            }
        }
        let paths = (endpoints.blue + endpoints.green).filter { $0.unixPath != nil }
        if let path = paths.first {
            errors += healthChecks.filter(\.hasPort).map { check in
                rejection(
                    of: SettingTable.health.check, check.description,
                    allowed: "checks at the endpoints themselves, as \(path) has no port")
            }
        }
        return errors
    }

    private var previewContradictions: [SettingsError] {
        guard let preview else { return [] }
        let (table, addresses) = (SettingTable.preview, SettingTable.addresses)
        var errors: [SettingsError] = []
        if !preview.isLoopback && !previewIsOpen && tlsClientAuthority == nil {
            errors.append(
                rejection(
                    of: table.address, preview.description,
                    allowed: "an address of the loopback (127.0.0.1, ::1, localhost), or any with "
                        + "\(SettingTable.clientTLS.clientAuthority.name.flag) or \(table.isOpen.name.flag)"))
        }
        for (other, setting) in [(listen, addresses.listen), (admin, addresses.admin)]
        where preview.port != 0 && (preview.meets(other) || other.meets(preview)) {
            errors.append(
                rejection(
                    of: table.address, preview.description,
                    allowed: "an address other than that of \(setting.name.flag)"))
        }
        for (setting, color) in [(addresses.blue, Color.blue), (addresses.green, .green)] {
            errors += endpoints[color].filter { $0.meets(preview) }.map { endpoint in
                rejection(
                    of: setting, endpoint.description,
                    allowed: "upstreams, not the address the Proxy itself listens on")
            }
        }
        return errors
    }

    private var copyContradictions: [SettingsError] {
        let table = SettingTable.releases
        guard copies.methods.isEmpty, !copies.noiseMethods.isEmpty else { return [] }
        return [
            rejection(
                of: table.noiseMethods, copies.noiseMethods.map(\.description).joined(separator: ","),
                allowed: "none, or methods together with \(table.shadowMethods.name.flag)")
        ]
    }

    private var eventContradictions: [SettingsError] {
        let table = SettingTable.events
        var errors: [SettingsError] = []
        if onEvent == nil, !isGiven(table.receiver) {
            let given = [(table.keyFile, onEventKeyFile), (table.authority, onEventAuthority)]
            errors += given.compactMap { setting, path in
                path.map { rejection(of: setting, $0, allowed: "a file together with \(table.receiver.name.flag)") }
            }
        }
        if let onEvent, !onEvent.isSecure, let onEventAuthority {
            errors.append(
                rejection(
                    of: table.authority, onEventAuthority,
                    allowed: "authorities together with an https URL in \(table.receiver.name.flag)"))
        }
        return errors
    }

    /// Two of these in one file would write over each other.
    private var fileContradictions: [SettingsError] {
        let (files, state) = (SettingTable.files, Self.place(of: stateFile))
        let audit = Self.place(of: auditLog)
        var errors: [SettingsError] = []
        let others = [state, state + ".lock", state + ".tmp"]
        let allowed = "another file than that of \(files.state.name.flag), its .lock and its .tmp"
        if others.contains(audit) || others.contains(audit + ".head") {
            errors.append(rejection(of: files.auditLog, auditLog, allowed: allowed))
        }
        if let path = accessLog.path, others.contains(Self.place(of: path)) {
            errors.append(rejection(of: files.accessLog, path, allowed: allowed))
        }
        if let path = accessLog.path, Self.place(of: path) == audit {
            errors.append(
                rejection(
                    of: files.accessLog, path, allowed: "another file than that of \(files.auditLog.name.flag)"))
        }
        if onEvent != nil {
            let events = Self.place(of: eventQueueFile)
            let taken = others + [audit, audit + ".head", accessLog.path.map(Self.place(of:))].compactMap { $0 }
            if taken.contains(events) || taken.contains(events + ".tmp") {
                errors.append(
                    rejection(of: SettingTable.events.file, eventQueueFile, allowed: "a path of no other file"))
            }
        }
        if let path = handoverSocket {
            let place = Self.place(of: path)
            if others.contains(place) || place == audit || place == accessLog.path.map(Self.place(of:)) {
                errors.append(
                    rejection(of: SettingTable.process.handoverSocket, path, allowed: "a path of no other file"))
            }
        }
        return errors
    }

    /// A path in one spelling, as far as its text tells.
    private static func place(of path: String) -> String { URL(filePath: path).absoluteURL.standardized.path }

    private var adminTLSContradictions: [SettingsError] {
        unpaired(SettingTable.admin.certificate, adminTLSCertificate, SettingTable.admin.key, adminTLSKey)
    }

    private var clientTLSContradictions: [SettingsError] {
        let table = SettingTable.clientTLS
        var errors = unpaired(table.certificate, tlsCertificate, table.key, tlsKey)
        if forwardsClientIdentity && tlsClientAuthority == nil {
            errors.append(
                rejection(
                    of: table.forwardsIdentity, "on",
                    allowed: "off, or on together with \(table.clientAuthority.name.flag)"))
        }
        // If only one of the two is given, that has already been reported.
        if let tlsClientAuthority, !isGiven(table.certificate), !isGiven(table.key) {
            errors.append(
                rejection(
                    of: table.clientAuthority, tlsClientAuthority,
                    allowed: "authorities together with \(table.certificate.name.flag)"))
        }
        return errors
    }

    private var upstreamTLSContradictions: [SettingsError] {
        let table = SettingTable.upstreamTLS
        let errors = unpaired(table.certificate, upstreamTLSCertificate, table.key, upstreamTLSKey)
        guard !usesUpstreamTLS else { return errors }
        let certificate = upstreamTLSKey == nil ? nil : upstreamTLSCertificate
        let given = [
            (table.authority, upstreamTLSAuthority), (table.certificate, certificate),
            (table.serverName, upstreamTLSServerName),
        ]
        return errors
            + given.compactMap { setting, value in
                value.map { rejection(of: setting, $0, allowed: "a value together with \(table.isOn.name.flag)") }
            }
    }

    private var backoffContradictions: [SettingsError] {
        let table = SettingTable.upstreams
        guard limits.minConnectBackoff > limits.maxConnectBackoff else { return [] }
        return [
            rejection(
                of: table.minConnectBackoff, limits.minConnectBackoff.text,
                allowed: "at most \(table.maxConnectBackoff.name.flag), which is \(limits.maxConnectBackoff.text)")
        ]
    }

    /// Checks that a certificate and its key are given together.
    private func unpaired(
        _ certificate: Setting<String?>, _ certificateFile: String?, _ key: Setting<String?>, _ keyFile: String?
    ) -> [SettingsError] {
        switch (certificateFile, keyFile) {
        case (let file?, nil):
            [rejection(of: certificate, file, allowed: "a certificate together with its \(key.name.flag)")]
        case (nil, let file?):
            [rejection(of: key, file, allowed: "a key together with its \(certificate.name.flag)")]
        default: []
        }
    }

    /// Whether the setting is given at all, even with an invalid value.
    private func isGiven(_ setting: some DeclaredSetting) -> Bool { source(of: setting) != .standard }
}

extension HealthCheck {
    /// Whether the check asks at a port of its own.
    fileprivate var hasPort: Bool { if case .http(_, .some) = self { true } else { false } }
}

extension Endpoint {
    /// Whether a connection to this address reaches the listener, as far as the text shows.
    fileprivate func meets(_ listener: Endpoint) -> Bool {
        guard (unixPath == nil) == (listener.unixPath == nil) else { return false }
        let isEverywhere = listener.host == "0.0.0.0" || listener.host == "::"
        return port == listener.port
            && (host == listener.host || (isEverywhere && (isLoopback || host == "0.0.0.0" || host == "::")))
    }
}
