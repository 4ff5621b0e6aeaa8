import Logging
import ServiceLifecycle
import Settings
import UnixSignals

/// Reads the settings again at each SIGHUP; the running Proxy then follows those that can change.
///
/// All or nothing: settings that can't be used are logged, and nothing changes.
struct SettingsReload: Service {
    /// One element for each request. SIGHUP must be trapped before the Proxy listens; otherwise it would end the
    /// process.
    var requests: UnixSignalsSequence
    /// The settings that the process was started with.
    var settings: ProxySettings
    /// Reads flags, environment and file, as at the start.
    var read: @Sendable () throws(SettingsErrors) -> ProxySettings
    var parts: LiveParts
    /// Also read again, whether or not the settings could be used.
    var certificates: CertificateReload
    var logger: Logger

    func run() async {
        var inForce = SettingsInForce(settings)
        for await _ in requests.cancelOnGracefulShutdown() {
            await reload(&inForce)
            certificates.reload()
        }
    }

    private func reload(_ inForce: inout SettingsInForce) async {
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
