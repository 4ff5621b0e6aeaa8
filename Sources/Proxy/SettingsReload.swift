import Logging
import ServiceLifecycle
import Settings
import UnixSignals

/// Reads the settings again at each SIGHUP and has the running Proxy follow those that can change.
///
/// All or nothing: settings that can't be used, or that someone can't follow, change nothing and are named in the log.
struct SettingsReload: Service {
    /// One element for each request. SIGHUP must be trapped before the Proxy listens: it would end the process.
    var requests: UnixSignalsSequence
    /// What the process was started with.
    var settings: ProxySettings
    /// Reads flags, environment and file as at the start.
    var read: @Sendable () throws(SettingsErrors) -> ProxySettings
    var parts: [LiveSettings]
    /// Read again, too, whatever has become of the settings.
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
        let settings: ProxySettings
        let apply: [LiveSettings.Apply]
        do {
            settings = try read()
            apply = try prepare(settings)
        } catch {
            for error in error.errors {
                logger.error("settings not reloaded, nothing has changed", metadata: ["cause": "\(error)"])
            }
            return
        }
        for part in apply { await part() }
        let live = parts.reduce(into: Set()) { $0.formUnion($1.names) }
        let before = inForce
        let change = inForce.follow(settings, live: live)
        for name in change.ignored {
            logger.warning(
                "a change of this setting is ignored until the next start",
                metadata: [
                    "setting": "\(name.flag)", "in_force": "\(before.text(of: name) ?? "")",
                    "given": "\(settings.text(of: name) ?? "")",
                ])
        }
        logger.notice(
            "settings reloaded",
            metadata: [
                "changed": .array(
                    change.followed.map {
                        "\($0.flag) from \(before.text(of: $0) ?? "none") to \(inForce.text(of: $0) ?? "none")"
                    })
            ])
    }

    /// Asks everyone, so that all that is wrong is told at once.
    private func prepare(_ settings: ProxySettings) throws(SettingsErrors) -> [LiveSettings.Apply] {
        var errors: [SettingsError] = []
        var apply: [LiveSettings.Apply] = []
        for part in parts {
            do {
                apply.append(try part.prepare(settings))
            } catch {
                errors += error.errors
            }
        }
        guard errors.isEmpty else { throw SettingsErrors(errors) }
        return apply
    }
}
