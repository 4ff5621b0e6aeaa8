import ServiceLifecycle
import UnixSignals

/// Reads settings and certificates again at each SIGHUP.
struct ReloadService: Service {
    /// One element for each request.
    var requests: UnixSignalsSequence
    var reload: SettingsReload

    func run() async {
        var reload = reload
        for await _ in requests.cancelOnGracefulShutdown() { await reload.reload() }
    }
}
