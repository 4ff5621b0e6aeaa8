import Certificates
import Logging
import Settings

/// Reads the settings again; the running Proxy then follows those that can change.
///
/// All or nothing: settings that can't be used are logged, and nothing changes.
package struct SettingsReload: Sendable {
    private var inForce: SettingsInForce
    private let read: @Sendable () throws(SettingsErrors) -> ProxySettings
    private let parts: LiveParts
    private let certificates: CertificateReload
    private let logger: Logger

    /// - Parameters:
    ///   - settings: those that the process was started with.
    ///   - read: reads flags, environment and file, as at the start.
    ///   - certificates: also read again each time, whether or not the settings could be used.
    package init(
        settings: ProxySettings, read: @escaping @Sendable () throws(SettingsErrors) -> ProxySettings,
        parts: LiveParts, certificates: CertificateReload, logger: Logger
    ) {
        inForce = SettingsInForce(settings)
        self.read = read
        self.parts = parts
        self.certificates = certificates
        self.logger = logger
    }

    package mutating func reload() async {
        await followSettings()
        certificates.reload()
    }

    private mutating func followSettings() async {
        let change: SettingsInForce.Change
        do {
            change = inForce.follow(try read())
        } catch {
            for error in error.errors {
                logger.error("settings not reloaded, nothing has changed", metadata: ["cause": "\(error)"])
            }
            return
        }
        await parts.follow(inForce.settings)
        for difference in change.ignored {
            logger.warning(
                "a change of this setting is ignored until the next start",
                metadata: [
                    "setting": "\(difference.name.flag)", "in_force": "\(difference.inForce ?? "")",
                    "given": "\(difference.given ?? "")",
                ])
        }
        logger.notice(
            "settings reloaded",
            metadata: [
                "changed": .array(
                    change.followed.map {
                        "\($0.name.flag) from \($0.inForce ?? "none") to \($0.given ?? "none")"
                    })
            ])
    }
}
